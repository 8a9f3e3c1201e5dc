// A peripheral on bleno, the serial port in argv[2]: serves the dimmer, tells each value that is written.
process.env.BLUETOOTH_HCI_SOCKET_UART_PORT = process.argv[2];
process.env.BLUETOOTH_HCI_SOCKET_FORCE_UART = '1';
const bleno = require('@stoprocent/bleno');

const SERVICE = '458063a102bf4664857e16c1030be066';
const CHARACTERISTIC = 'a5209632-66a9-411d-9353-9be5507790fa';

class Duty extends bleno.Characteristic {
    constructor() {
        super({ uuid: CHARACTERISTIC.replaceAll('-', ''), properties: ['read', 'write', 'writeWithoutResponse'] });
    }

    onWriteRequest(handle, value, offset, withoutResponse, callback) {
        console.log('written', value.readUInt16LE(), withoutResponse);
        callback(this.RESULT_SUCCESS);
    }
}

bleno.on('accept', address => console.log('connected', address));
bleno.on('disconnect', address => console.log('disconnected', address));

async function serve() {
    await bleno.waitForPoweredOnAsync(10000);
    await bleno.setServicesAsync([new bleno.PrimaryService({ uuid: SERVICE, characteristics: [new Duty()] })]);
    await bleno.startAdvertisingAsync('bleno', [SERVICE]);
    console.log('advertising');
}

serve().catch(error => {
    console.log(error);
    process.exit(1);
});
