//! The peripheral: a service with one characteristic of each kind, and three channels: one that answers with what came, one that counts,
//! one that sends. It serves one central after the other, and keeps the bonds as long as it runs.

use embassy_futures::select::{select3, Either3};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::Duration;
use trouble_host::prelude::*;

use crate::{hex, receive_pattern, said, send_pattern, Options, Outcome, Pool, Stack};

pub const ECHO: u16 = 0x80;
pub const SINK: u16 = 0x81;
pub const SOURCE: u16 = 0x82;
const SOURCE_BYTES: usize = 1_000_000;

/// The note's size at first: more than an ATT_MTU that is used here, so it is read in parts.
const NOTE: usize = 400;

#[gatt_server]
struct Server {
    everything: Everything,
    environment: Environment,
}

/// What a thermometer has.
#[gatt_service(uuid = service::ENVIRONMENTAL_SENSING)]
struct Environment {
    #[characteristic(uuid = characteristic::TEMPERATURE, read, notify)]
    temperature: i16,
}

#[gatt_service(uuid = "7e570000-7472-6f75-626c-65686f737400")]
struct Everything {
    /// Is kept.
    #[characteristic(uuid = "7e570001-7472-6f75-626c-65686f737400", read, write, value = note())]
    note: heapless::Vec<u8, 512>,
    /// Is counted.
    #[characteristic(uuid = "7e570002-7472-6f75-626c-65686f737400", write_without_response)]
    command: heapless::Vec<u8, 244>,
    /// What is written here orders so many values of the next two: ticks, alarms, two bytes each.
    #[characteristic(uuid = "7e570003-7472-6f75-626c-65686f737400", write)]
    order: u32,
    #[characteristic(uuid = "7e570004-7472-6f75-626c-65686f737400", read, notify)]
    ticks: u32,
    #[characteristic(uuid = "7e570005-7472-6f75-626c-65686f737400", indicate)]
    alarms: u32,
    #[characteristic(
        uuid = "7e570006-7472-6f75-626c-65686f737400",
        read,
        permissions(encrypted),
        value = 0x2a2a2a2a
    )]
    encrypted: u32,
    #[characteristic(
        uuid = "7e570007-7472-6f75-626c-65686f737400",
        read,
        permissions(authenticated),
        value = 0x3b3b3b3b
    )]
    authenticated: u32,
}

fn note() -> heapless::Vec<u8, 512> {
    (0..NOTE).map(crate::pattern).collect()
}

type Orders = Channel<NoopRawMutex, u32, 4>;

async fn advertise<'a>(stack: &'a Stack<'_>, options: &Options) -> Outcome<Connection<'a, Pool>> {
    let mut peripheral = stack.peripheral();
    let mut data = [0; 64];
    let mut response = [0; 31];
    let flags = AdStructure::Flags(LE_GENERAL_DISCOVERABLE | BR_EDR_NOT_SUPPORTED);
    let name = AdStructure::CompleteLocalName(options.name.as_bytes());
    let services = AdStructure::CompleteServiceUuids16(&[[0x1a, 0x18]]);
    let parameters = AdvertisementParameters {
        interval_min: Duration::from_millis(40),
        interval_max: Duration::from_millis(40),
        primary_phy: if options.coded { PhyKind::LeCoded } else { PhyKind::Le1M },
        secondary_phy: if options.coded { PhyKind::LeCoded } else { PhyKind::Le1M },
        ..Default::default()
    };
    if options.extended {
        let size = said("data", AdStructure::encode_slice(&[flags, services, name], &mut data))?;
        let sets = [AdvertisementSet {
            params: parameters,
            data: Advertisement::ExtConnectableNonscannableUndirected {
                adv_data: &data[..size],
            },
            address: None,
        }];
        let mut handles = AdvertisementSet::handles(&sets);
        let advertiser = said("advertise", peripheral.advertise_ext(&sets, &mut handles).await)?;
        println!("advertising");
        return said("accept", advertiser.accept().await);
    }
    let data_size = said("data", AdStructure::encode_slice(&[flags, services], &mut data))?;
    let response_size = said("response", AdStructure::encode_slice(&[name], &mut response))?;
    let advertisement = Advertisement::ConnectableScannableUndirected {
        adv_data: &data[..data_size],
        scan_data: &response[..response_size],
    };
    let advertiser = said("advertise", peripheral.advertise(&parameters, advertisement).await)?;
    println!("advertising");
    said("accept", advertiser.accept().await)
}

async fn gatt_event(
    server: &Server<'_>,
    event: GattEvent<'_, '_, Pool>,
    commands: &mut usize,
    orders: &Orders,
) -> Outcome {
    let service = &server.everything;
    let written = match &event {
        GattEvent::Write(write) => Some((write.handle(), write.with_data(|_, data| data.to_vec()))),
        GattEvent::NotAllowed(refused) => {
            println!("refused {}", refused.handle());
            None
        }
        _ => None,
    };
    said("answer", event.accept())?.send().await;
    if let Some((handle, data)) = written {
        if handle == service.command.handle {
            *commands += 1;
            println!("command {} {}", *commands, hex(&data));
        } else if handle == service.order.handle {
            orders.send(said("order", server.get(&service.order))?).await;
        } else if handle == service.note.handle {
            println!("note {}", hex(&said("note", server.get(&service.note))?));
        } else {
            println!("written {} {}", handle, hex(&data));
        }
    }
    Ok(())
}

async fn events(
    server: &Server<'_>,
    connection: &GattConnection<'_, '_, Pool>,
    stack: &Stack<'_>,
    options: &Options,
    orders: &Orders,
) -> Outcome {
    let mut commands = 0;
    loop {
        match connection.next().await {
            GattConnectionEvent::Disconnected { reason } => {
                println!("disconnected {reason:?}");
                return Ok(());
            }
            GattConnectionEvent::Gatt { event } => gatt_event(server, event, &mut commands, orders).await?,
            GattConnectionEvent::PassKeyDisplay(key) => println!("shows {key}"),
            GattConnectionEvent::PassKeyConfirm(key) => {
                println!("compares {key}");
                // To disagree is an error of its own, which the event of failure tells, too.
                let _ = if options.disagree {
                    connection.pass_key_cancel()
                } else {
                    connection.pass_key_confirm()
                };
            }
            GattConnectionEvent::PassKeyInput => {
                println!("types");
                said("passkey", connection.pass_key_input(options.passkey.unwrap_or(0)))?;
            }
            GattConnectionEvent::PairingComplete { security_level, bond } => {
                println!(
                    "paired {security_level:?} {}",
                    if bond.is_some() { "bonded" } else { "for now" }
                );
            }
            GattConnectionEvent::PairingFailed(error) => println!("not paired {error:?}"),
            GattConnectionEvent::Encrypted { security_level, .. } => println!("encrypted {security_level:?}"),
            GattConnectionEvent::RequestConnectionParams(request) => {
                said("parameters", request.accept(None, stack).await)?
            }
            GattConnectionEvent::ConnectionParamsUpdated { conn_interval, .. } => {
                println!("interval {}", conn_interval.as_micros())
            }
            GattConnectionEvent::PhyUpdated { tx_phy, rx_phy } => println!("phy {tx_phy:?} {rx_phy:?}"),
            GattConnectionEvent::DataLengthUpdated {
                max_tx_octets,
                max_rx_octets,
                ..
            } => {
                println!("length {max_tx_octets} {max_rx_octets}");
            }
            GattConnectionEvent::BondLost => println!("bond lost"),
            _ => {}
        }
    }
}

async fn deliver(server: &Server<'_>, connection: &GattConnection<'_, '_, Pool>, orders: &Orders) -> Outcome {
    loop {
        let order = orders.receive().await;
        for tick in 0..order & 0xffff {
            said("notify", server.everything.ticks.notify(connection, &tick, true).await)?;
        }
        for alarm in 0..order >> 16 {
            said(
                "indicate",
                server.everything.alarms.indicate(connection, &alarm, true).await,
            )?;
        }
        println!("delivered {} {}", order & 0xffff, order >> 16);
    }
}

async fn serve_channel(stack: &Stack<'_>, mut channel: L2capChannel<'_, Pool>) -> Outcome {
    println!(
        "channel {:#x} mtu {} mps {}",
        channel.spsm(),
        channel.peer_mtu(),
        channel.peer_mps()
    );
    match channel.spsm() {
        SINK => println!("received {}", receive_pattern(stack, &mut channel, usize::MAX).await?),
        SOURCE => {
            send_pattern(stack, &mut channel, SOURCE_BYTES).await?;
            channel.disconnect();
            println!("sent {SOURCE_BYTES}");
        }
        _ => {
            let mut buffer = [0; 1024];
            while let Ok(size) = channel.receive(stack, &mut buffer).await {
                said("echo", channel.send(stack, &buffer[..size]).await)?;
            }
            println!("echoed");
        }
    }
    Ok(())
}

async fn channels(stack: &Stack<'_>, connection: &Connection<'_, Pool>) -> Outcome {
    let listener = L2capChannel::listen(stack, connection);
    loop {
        let channel = match listener.accept(&L2capChannelConfig::default()).await {
            Ok(channel) => channel,
            Err(error) => {
                println!("no channel {error:?}");
                return core::future::pending().await;
            }
        };
        if let Err(error) = serve_channel(stack, channel).await {
            println!("channel: {error}");
        }
    }
}

pub async fn run(stack: &Stack<'_>, options: &Options) -> Outcome {
    let configuration = GapConfig::Peripheral(PeripheralConfig {
        name: &options.name,
        appearance: &appearance::sensor::GENERIC_SENSOR,
    });
    let server = Server::new_with_config(configuration)?;
    said("temperature", server.set(&server.environment.temperature, &2150))?;
    loop {
        let connection = advertise(stack, options).await?;
        said("bondable", connection.set_bondable(true))?;
        println!("connected {}", connection.peer_address());
        let raw = connection.clone();
        let connection = said("server", connection.with_attribute_server(&server))?;
        let orders = Orders::new();
        match select3(
            events(&server, &connection, stack, options, &orders),
            deliver(&server, &connection, &orders),
            channels(stack, &raw),
        )
        .await
        {
            Either3::First(result) | Either3::Second(result) | Either3::Third(result) => result?,
        }
    }
}
