//! The central: looks for a name, connects and takes one step after the other, each of which says what came of it.

use bt_hci::param::Status;
use embassy_futures::join::join;
use embassy_futures::select::{select, Either};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Duration;
use trouble_host::prelude::*;

use crate::{bytes, hex, number, receive_pattern, said, send_pattern, Controller, Options, Outcome, Pool, Stack};

const SERVICES: usize = 16;
const CHARACTERISTICS: usize = 16;

type Client<'a> = GattClient<'a, Controller, Pool, SERVICES>;

/// Looks at what is advertised for the name.
pub struct Reports {
    name: String,
    found: Signal<NoopRawMutex, Address>,
}

impl Reports {
    pub fn new(options: &Options) -> Self {
        Reports {
            name: options.words.first().cloned().unwrap_or_default(),
            found: Signal::new(),
        }
    }

    fn look(&self, kind: AddrKind, address: BdAddr, data: &[u8]) {
        for structure in AdStructure::decode(data).flatten() {
            if matches!(structure, AdStructure::CompleteLocalName(name) if name == self.name.as_bytes()) {
                self.found.signal(Address::new(kind, address));
            }
        }
    }
}

impl EventHandler for Reports {
    fn on_adv_reports(&self, reports: bt_hci::param::LeAdvReportsIter) {
        for report in reports.flatten() {
            self.look(report.addr_kind, report.addr, report.data);
        }
    }

    fn on_ext_adv_reports(&self, reports: bt_hci::param::LeExtAdvReportsIter) {
        for report in reports.flatten() {
            self.look(report.addr_kind, report.addr, report.data);
        }
    }
}

/// What the events of a link tell the steps that wait for them.
#[derive(Default)]
struct News {
    paired: Signal<NoopRawMutex, Outcome<String>>,
    phy: Signal<NoopRawMutex, (PhyKind, PhyKind)>,
    interval: Signal<NoopRawMutex, Duration>,
    length: Signal<NoopRawMutex, (u16, u16)>,
}

async fn find(stack: &Stack<'_>, options: &Options, reports: &Reports) -> Outcome<Address> {
    let mut central = stack.central();
    let mut scanner = Scanner::new(&mut central);
    let config = ScanConfig {
        interval: Duration::from_millis(60),
        window: Duration::from_millis(60),
        phys: if options.coded { PhySet::M1Coded } else { PhySet::M1 },
        ..Default::default()
    };
    reports.found.reset();
    let address = if options.extended {
        let session = said("scan", scanner.scan_ext(&config).await)?;
        let address = reports.found.wait().await;
        session.stop().await;
        address
    } else {
        let session = said("scan", scanner.scan(&config).await)?;
        let address = reports.found.wait().await;
        session.stop().await;
        address
    };
    println!("found {address}");
    Ok(address)
}

async fn connect<'a>(stack: &'a Stack<'_>, options: &Options, address: Address) -> Outcome<Connection<'a, Pool>> {
    let mut central = stack.central();
    let config = ConnectConfig {
        scan_config: ScanConfig {
            filter_accept_list: &[address],
            interval: Duration::from_millis(60),
            window: Duration::from_millis(60),
            phys: if options.coded { PhySet::M1Coded } else { PhySet::M1 },
            ..Default::default()
        },
        connect_params: RequestedConnParams {
            min_connection_interval: Duration::from_millis(options.interval_ms),
            max_connection_interval: Duration::from_millis(options.interval_ms),
            supervision_timeout: Duration::from_secs(4),
            ..Default::default()
        },
    };
    let connected = match options.extended {
        true => central.connect_ext(&config).await,
        false => central.connect(&config).await,
    };
    said("connect", connected)
}

async fn events(
    connection: &Connection<'_, Pool>,
    stack: &Stack<'_>,
    options: &Options,
    news: &News,
) -> Outcome<Status> {
    loop {
        match connection.next().await {
            ConnectionEvent::Disconnected { reason } => {
                println!("disconnected {reason:?}");
                return Ok(reason);
            }
            ConnectionEvent::PassKeyDisplay(key) => println!("shows {key}"),
            ConnectionEvent::PassKeyConfirm(key) => {
                println!("compares {key}");
                // To disagree is an error of its own, which the event of failure tells, too.
                let _ = if options.disagree {
                    connection.pass_key_cancel()
                } else {
                    connection.pass_key_confirm()
                };
            }
            ConnectionEvent::PassKeyInput => {
                println!("types");
                said("passkey", connection.pass_key_input(options.passkey.unwrap_or(0)))?;
            }
            ConnectionEvent::PairingComplete { security_level, bond } => {
                let bonded = if bond.is_some() { "bonded" } else { "for now" };
                news.paired.signal(Ok(format!("{security_level:?} {bonded}")));
            }
            ConnectionEvent::PairingFailed(error) => news.paired.signal(Err(format!("{error:?}"))),
            ConnectionEvent::Encrypted { security_level, .. } => println!("encrypted {security_level:?}"),
            ConnectionEvent::RequestConnectionParams(request) => said("parameters", request.accept(None, stack).await)?,
            ConnectionEvent::ConnectionParamsUpdated { conn_interval, .. } => news.interval.signal(conn_interval),
            ConnectionEvent::PhyUpdated { tx_phy, rx_phy } => news.phy.signal((tx_phy, rx_phy)),
            ConnectionEvent::DataLengthUpdated {
                max_tx_octets,
                max_rx_octets,
                ..
            } => {
                news.length.signal((max_tx_octets, max_rx_octets));
            }
            ConnectionEvent::BondLost => println!("bond lost"),
            _ => {}
        }
    }
}

/// A UUID as it is written: four or thirty-two digits.
fn uuid(text: &str) -> Outcome<Uuid> {
    let mut bytes = bytes(&text.replace('-', ""))?;
    bytes.reverse();
    match bytes.len() {
        2 => Ok(Uuid::new_short(u16::from_le_bytes([bytes[0], bytes[1]]))),
        _ => bytes
            .try_into()
            .map(Uuid::new_long)
            .map_err(|_| format!("{text}: no UUID")),
    }
}

fn uuid_text(uuid: &Uuid) -> String {
    hex(&uuid.as_raw().iter().rev().copied().collect::<Vec<u8>>())
}

/// What the steps of one link share.
struct Session<'a, 'b> {
    stack: &'a Stack<'b>,
    connection: &'a Connection<'a, Pool>,
    client: &'a Client<'a>,
    news: &'a News,
    channel: Option<L2capChannel<'a, Pool>>,
    words: std::slice::Iter<'a, String>,
}

impl<'a> Session<'a, '_> {
    fn word(&mut self) -> Outcome<&'a String> {
        self.words.next().ok_or("a step lacks a word".to_string())
    }

    /// The next word, as a UUID, and the first characteristic that has it.
    async fn characteristic(&mut self) -> Outcome<Characteristic<[u8]>> {
        let wanted = uuid(self.word()?)?;
        for service in said("services", self.client.services().await)? {
            for characteristic in said(
                "characteristics",
                self.client.characteristics::<CHARACTERISTICS>(&service).await,
            )? {
                if characteristic.uuid == wanted {
                    return Ok(characteristic);
                }
            }
        }
        Err(format!("no characteristic {}", uuid_text(&wanted)))
    }

    async fn tree(&self) -> Outcome {
        for service in said("services", self.client.services().await)? {
            println!("service {} {:?}", uuid_text(&service.uuid()), service.handle_range());
            for characteristic in said(
                "characteristics",
                self.client.characteristics::<CHARACTERISTICS>(&service).await,
            )? {
                println!(
                    "characteristic {} {} {:#04x}",
                    uuid_text(&characteristic.uuid),
                    characteristic.handle,
                    characteristic.props.to_raw()
                );
                for descriptor in said("descriptors", self.client.descriptors::<_, 8>(&characteristic).await)? {
                    println!("descriptor {} {}", uuid_text(descriptor.uuid()), descriptor.handle());
                }
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Outcome {
        let characteristic = self.characteristic().await?;
        let mut value = [0; 512];
        match self.client.read_characteristic(&characteristic, &mut value).await {
            Ok(size) => println!("read {}", hex(&value[..size])),
            Err(BleHostError::BleHost(Error::Att(code))) => println!("read refused {code:?}"),
            Err(error) => return Err(format!("read: {error:?}")),
        }
        Ok(())
    }

    async fn write(&mut self) -> Outcome {
        let characteristic = self.characteristic().await?;
        match self
            .client
            .write_characteristic(&characteristic, &bytes(self.word()?)?)
            .await
        {
            Ok(()) => println!("written"),
            Err(BleHostError::BleHost(Error::Att(code))) => println!("write refused {code:?}"),
            Err(error) => return Err(format!("write: {error:?}")),
        }
        Ok(())
    }

    async fn command(&mut self) -> Outcome {
        let characteristic = self.characteristic().await?;
        let value = bytes(self.word()?)?;
        for _ in 0..number(self.word()?)? {
            said(
                "command",
                self.client
                    .write_characteristic_without_response(&characteristic, &value)
                    .await,
            )?;
        }
        println!("commanded");
        Ok(())
    }

    /// Subscribes, writes what stands behind `with`, and says the values that come.
    async fn follow(&mut self) -> Outcome {
        let characteristic = self.characteristic().await?;
        let indications = self.word()? == "indicate";
        let count = number(self.word()?)?;
        let mut listener = said("subscribe", self.client.subscribe(&characteristic, indications).await)?;
        println!("subscribed");
        let begin = match self.words.clone().next().is_some_and(|word| word == "with") {
            true => {
                self.word()?;
                let order = self.characteristic().await?;
                Some((order, bytes(self.word()?)?))
            }
            false => None,
        };
        let client = self.client;
        let order = async {
            match begin {
                Some((order, value)) => said("order", client.write_characteristic(&order, &value).await),
                None => Ok(()),
            }
        };
        let values = async {
            for _ in 0..count {
                let value = listener.next().await;
                println!(
                    "{} {}",
                    if value.is_indication() { "indicated" } else { "notified" },
                    hex(value.as_ref())
                );
                if value.is_indication() {
                    said("confirm", client.confirm_indication().await)?;
                }
            }
            Ok::<(), String>(())
        };
        let (order, values) = join(order, values).await;
        order.and(values)
    }

    async fn pair(&mut self) -> Outcome {
        self.news.paired.reset();
        said("request", self.connection.request_security())?;
        match self.news.paired.wait().await {
            Ok(how) => println!("paired {how}"),
            Err(error) => println!("not paired {error}"),
        }
        Ok(())
    }

    async fn open(&mut self) -> Outcome {
        let spsm = number(self.word()?)? as u16;
        let channel = said(
            "channel",
            L2capChannel::create(self.stack, self.connection, spsm, &L2capChannelConfig::default()).await,
        )?;
        println!(
            "channel {spsm:#x} mtu {} mps {}",
            channel.peer_mtu(),
            channel.peer_mps()
        );
        self.channel = Some(channel);
        Ok(())
    }

    async fn send(&mut self) -> Outcome {
        let count = number(self.word()?)?;
        send_pattern(self.stack, self.channel.as_mut().ok_or("no channel")?, count).await?;
        println!("sent {count}");
        Ok(())
    }

    /// So many bytes, or fewer when the other side closes the channel.
    async fn receive(&mut self) -> Outcome {
        let most = number(self.word()?)?;
        println!(
            "received {}",
            receive_pattern(self.stack, self.channel.as_mut().ok_or("no channel")?, most).await?
        );
        Ok(())
    }

    async fn echo(&mut self) -> Outcome {
        let count = number(self.word()?)?;
        let channel = self.channel.as_mut().ok_or("no channel")?;
        let size = channel.peer_mtu().min(channel.mtu()) as usize;
        let mut buffer = [0; 1024];
        for at in 0..count {
            let sdu: Vec<u8> = (at..at + size).map(crate::pattern).collect();
            said("send", channel.send(self.stack, &sdu).await)?;
            let size = said("receive", channel.receive(self.stack, &mut buffer).await)?;
            if buffer[..size] != sdu {
                return Err(format!("echo {at} differs"));
            }
        }
        println!("echoed {count}");
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        self.channel.take().ok_or("no channel")?.disconnect();
        Ok(())
    }

    async fn phy(&mut self) -> Outcome {
        let phy = match self.word()?.as_str() {
            "2m" => PhyKind::Le2M,
            "coded" => PhyKind::LeCoded,
            _ => PhyKind::Le1M,
        };
        self.news.phy.reset();
        said("phy", self.connection.set_phy(self.stack, phy).await)?;
        let (out, back) = self.news.phy.wait().await;
        println!("phy {out:?} {back:?}");
        Ok(())
    }

    async fn interval(&mut self) -> Outcome {
        let interval = Duration::from_millis(number(self.word()?)? as u64);
        let parameters = RequestedConnParams {
            min_connection_interval: interval,
            max_connection_interval: interval,
            supervision_timeout: Duration::from_secs(4),
            ..Default::default()
        };
        self.news.interval.reset();
        said(
            "interval",
            self.connection.update_connection_params(self.stack, &parameters).await,
        )?;
        println!("interval {}", self.news.interval.wait().await.as_micros());
        Ok(())
    }

    async fn length(&mut self) -> Outcome {
        self.news.length.reset();
        said(
            "length",
            self.connection.update_data_length(self.stack, 251, 2120).await,
        )?;
        let (out, back) = self.news.length.wait().await;
        println!("length {out} {back}");
        Ok(())
    }

    /// All of them, until one fails or the words end.
    async fn steps(&mut self) -> Outcome {
        while let Some(step) = self.words.next() {
            match step.as_str() {
                "tree" => self.tree().await?,
                "read" => self.read().await?,
                "write" => self.write().await?,
                "command" => self.command().await?,
                "follow" => self.follow().await?,
                "pair" => self.pair().await?,
                "open" => self.open().await?,
                "close" => self.close()?,
                "send" => self.send().await?,
                "receive" => self.receive().await?,
                "echo" => self.echo().await?,
                "phy" => self.phy().await?,
                "interval" => self.interval().await?,
                "length" => self.length().await?,
                "wait" => core::future::pending().await, // until the other side ends the link
                "rssi" => println!("rssi {}", said("rssi", self.connection.rssi(self.stack).await)?),
                "level" => println!("level {:?}", said("level", self.connection.security_level())?),
                _ => return Err(format!("{step}: no such step")),
            }
        }
        Ok(())
    }
}

async fn session(stack: &Stack<'_>, options: &Options, address: Address, words: &[String]) -> Outcome<Status> {
    let connection = connect(stack, options, address).await?;
    said("bondable", connection.set_bondable(true))?;
    println!("connected {}", connection.peer_address());
    let news = News::default();
    let events = events(&connection, stack, options, &news);
    let work = async {
        let client = said("client", Client::new(stack, &connection).await)?;
        println!("mtu {}", connection.att_mtu());
        let mut session = Session {
            stack,
            connection: &connection,
            client: &client,
            news: &news,
            channel: None,
            words: words.iter(),
        };
        match select(client.task(), session.steps()).await {
            Either::First(result) => said("client", result),
            Either::Second(result) => {
                connection.disconnect();
                result?;
                core::future::pending::<Outcome>().await
            }
        }
    };
    match select(events, work).await {
        Either::First(result) => result,
        Either::Second(result) => Err(result.err().unwrap_or_default()), // it ends by itself with an error only
    }
}

/// One link after the other: `again` stands between the steps of two of them.
pub async fn run(stack: &Stack<'_>, options: &Options, reports: &Reports) -> Outcome {
    let words = options.words.get(1..).ok_or("which name?".to_string())?;
    for words in words.split(|word| word == "again") {
        let address = find(stack, options, reports).await?;
        while session(stack, options, address, words).await? == Status::CONN_FAILED_SYNCHRONIZATION_TIMEOUT {
            println!("once more");
        }
    }
    Ok(())
}
