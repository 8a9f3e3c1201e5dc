// A peripheral and a central on ble-host, each on a controller of its own at the TCP port in argv[2]. The peripheral
// serves the dimmer; the central finds the potentiometer, connects, raises the MTU, discovers, reads, subscribes and
// disconnects. Each step is a line.
const net = require('net');
const { EventEmitter } = require('events');
const { BleManager, AdvertisingDataBuilder, HciErrors } = require('ble-host');

const POT = '4fafc201-1fb5-459e-8fcc-c5c9c331914b';
const LED = '458063a1-02bf-4664-857e-16c1030be066';
const DUTY = 'a5209632-66a9-411d-9353-9be5507790fa';
const NOTIFICATIONS = 5;

// H4 framing (Vol 4 Part A 2) around a socket, as ble-host wants its transport.
class Transport extends EventEmitter {
    constructor(port) {
        super();
        this.received = Buffer.alloc(0);
        this.socket = net.connect(port, '127.0.0.1').setNoDelay(true);
        this.socket.on('data', bytes => this.take(Buffer.concat([this.received, bytes])));
    }

    take(bytes) {
        const header = type => (type === 4 ? 3 : 5);
        while (bytes.length && bytes.length >= header(bytes[0])) {
            const size = header(bytes[0]) + (bytes[0] === 4 ? bytes[2] : bytes.readUInt16LE(3));
            if (bytes.length < size)
                break;
            this.emit('data', bytes.subarray(0, size));
            bytes = bytes.subarray(size);
        }
        this.received = bytes;
    }

    write(bytes) {
        this.socket.write(bytes);
    }
}

function host(use) {
    BleManager.create(new Transport(Number(process.argv[2])), {}, (error, manager) => {
        if (error)
            throw error;
        use(manager);
    });
}

function serve(manager) {
    manager.gattDb.addServices([{
        uuid: LED,
        characteristics: [{
            uuid: DUTY,
            properties: ['read', 'write', 'write-without-response'],
            onWrite: (connection, needsResponse, value, answer) => {
                console.log('written', value.readUInt16LE(), needsResponse);
                if (needsResponse)
                    answer(0);
            },
        }],
    }]);
    manager.setAdvertisingData(new AdvertisingDataBuilder().addFlags(['leGeneralDiscoverableMode',
        'brEdrNotSupported']).add128BitServiceUUIDs(true, [LED]).build());
    manager.setScanResponseData(new AdvertisingDataBuilder().addLocalName(true, 'ble-host').build());
    const advertise = () => manager.startAdvertising({ intervalMin: 160, intervalMax: 160 }, (status, connection) => {
        console.log('served', connection.peerAddress);
        connection.on('disconnect', reason => {
            console.log('client left', HciErrors.toString(reason));
            advertise();
        });
    });
    advertise();
    console.log('advertising');
}

function use(connection) {
    connection.on('disconnect', reason => console.log('disconnected', HciErrors.toString(reason)));
    connection.readRssi((status, rssi) => console.log('rssi', rssi));
    connection.gatt.exchangeMtu(() => console.log('mtu', connection.gatt.currentMtu));
    connection.gatt.discoverServicesByUuid(POT, 1, services => services[0].discoverCharacteristics(([pot]) => {
        pot.read((error, value) => console.log('read', value.readUInt16LE()));
        let count = 0;
        pot.on('change', value => {
            console.log('notified', value.readUInt16LE());
            if (++count === NOTIFICATIONS)
                connection.disconnect();
        });
        pot.writeCCCD(true, false, error => console.log('subscribed', error));
    }));
}

function seek(manager) {
    const scanner = manager.startScan({ scanFilters: [new BleManager.ServiceUUIDScanFilter(POT)] });
    scanner.on('report', report => {
        if (!report.connectable || !report.parsedDataItems.localName) // the name is in the scan response
            return;
        console.log('found', report.address, report.parsedDataItems.localName);
        scanner.stopScan();
        manager.connect(report.addressType, report.address, {}, use);
    });
}

host(serve);
host(seek);
