// A central on noble, the serial port in argv[2]: scans for the potentiometer, connects, discovers, reads, subscribes,
// asks for the RSSI, disconnects, and sees it advertise again. Each step is a line.
process.env.BLUETOOTH_HCI_SOCKET_UART_PORT = process.argv[2];
process.env.BLUETOOTH_HCI_SOCKET_FORCE_UART = '1';
const noble = require('@stoprocent/noble');

const SERVICE = '4fafc2011fb5459e8fccc5c9c331914b';
const CHARACTERISTIC = '1b9a473a449345368b2b9d4133488256';
const NOTIFICATIONS = 5;

async function find() {
    const found = new Promise(resolve => {
        noble.on('discover', function look(peripheral) {
            if (!peripheral.advertisement.localName)
                return; // the name is in the scan response; of a device heard twice noble tells without one, too
            noble.removeListener('discover', look);
            resolve(peripheral);
        });
    });
    await noble.startScanningAsync([SERVICE], true);
    const peripheral = await found;
    await noble.stopScanningAsync();
    return peripheral;
}

async function session() {
    await noble.waitForPoweredOnAsync(60000);
    const peripheral = await find();
    console.log('found', peripheral.address, peripheral.advertisement.localName);
    peripheral.once('disconnect', () => console.log('disconnected'));
    await peripheral.connectAsync();
    const { characteristics } = await peripheral.discoverSomeServicesAndCharacteristicsAsync([SERVICE], []);
    const pot = characteristics.find(c => c.uuid === CHARACTERISTIC);
    console.log('read', (await pot.readAsync()).readUInt16LE());
    const enough = new Promise(resolve => {
        let count = 0;
        pot.on('data', value => {
            console.log('notified', value.readUInt16LE());
            if (++count === NOTIFICATIONS)
                resolve();
        });
    });
    await pot.subscribeAsync();
    await enough;
    console.log('rssi', await peripheral.updateRssiAsync());
    await peripheral.disconnectAsync();
    console.log('again', (await find()).address);
}

session().then(() => process.exit(0), error => {
    console.log(error);
    process.exit(1);
});
