//! TrouBLE as a peer of the tests: a peripheral or a central whose controller is behind a TCP connection that speaks HCI (H4).
//!
//! Everything that happens is one line on standard output, so that a test can wait for it. What the bytes of a transfer are is a rule
//! (`pattern`), so that either side knows what must come. Nothing here makes up for what TrouBLE does or does not do.

mod central;
mod peripheral;

use bt_hci::controller::ExternalController;
use bt_hci_serial::SerialTransport;
use embassy_futures::select::{select, Either};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_adapters::tokio_1::FromTokio;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::TcpStream;
use trouble_host::prelude::*;

type Wire = SerialTransport<NoopRawMutex, FromTokio<OwnedReadHalf>, FromTokio<OwnedWriteHalf>>;
type Controller = ExternalController<Wire, 10>;
type Pool = DefaultPacketPool;
type Stack<'a> = trouble_host::Stack<'a, Controller, Pool>;
type Resources = HostResources<Pool, 2, 6>;
type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "usage: trouble-peer HOST:PORT peripheral [OPTIONS]
       trouble-peer HOST:PORT central NAME [OPTIONS] STEP ...

  --name N       the name that is advertised, TrouBLE if not given (peripheral)
  --extended     the commands of Bluetooth 5 in place of the older ones
  --coded        with --extended: on LE Coded
  --random A     a random address in place of the controller's
  --privacy      a resolvable private address
  --io WHAT      none (if not given), display, yes-no, keyboard or keyboard-display
  --passkey N    the passkey that is shown, and the one that is typed
  --disagree     says that the numbers differ
  --interval MS  the connection interval, 15 if not given (central)

steps of a central:
  tree | read UUID | write UUID HEX | command UUID HEX COUNT | follow UUID notify|indicate COUNT [with UUID HEX] | pair | level
  open SPSM | send BYTES | receive BYTES | echo COUNT | close | phy 1m|2m|coded | interval MS | length | rssi | wait | again";

/// The largest SDU that is sent. TrouBLE begins with one when it has the credits for all of it, and some receivers never give so many.
const SDU: usize = 1000;

/// What was said on the command line.
struct Options {
    name: String,
    extended: bool,
    coded: bool,
    random: Option<[u8; 6]>,
    privacy: bool,
    io: IoCapabilities,
    passkey: Option<u32>,
    disagree: bool,
    interval_ms: u64,
    words: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Options {
            name: "TrouBLE".to_string(),
            extended: false,
            coded: false,
            random: None,
            privacy: false,
            io: IoCapabilities::NoInputNoOutput,
            passkey: None,
            disagree: false,
            interval_ms: 15,
            words: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} what?"));
            match argument.as_str() {
                "--name" => options.name = value()?,
                "--extended" => options.extended = true,
                "--coded" => options.coded = true,
                "--random" => options.random = Some(address(&value()?)?),
                "--privacy" => options.privacy = true,
                "--io" => options.io = io_capabilities(&value()?)?,
                "--passkey" => options.passkey = Some(number(&value()?)? as u32),
                "--disagree" => options.disagree = true,
                "--interval" => options.interval_ms = number(&value()?)? as u64,
                word if word.starts_with("--") => return Err(format!("{word}: no such option\n{USAGE}")),
                _ => options.words.push(argument),
            }
        }
        Ok(options)
    }
}

fn io_capabilities(word: &str) -> Outcome<IoCapabilities> {
    Ok(match word {
        "none" => IoCapabilities::NoInputNoOutput,
        "display" => IoCapabilities::DisplayOnly,
        "yes-no" => IoCapabilities::DisplayYesNo,
        "keyboard" => IoCapabilities::KeyboardOnly,
        "keyboard-display" => IoCapabilities::KeyboardDisplay,
        _ => return Err(format!("{word}: not what a device can do\n{USAGE}")),
    })
}

/// An address as it is written, highest byte first, as HCI has it, lowest byte first.
fn address(text: &str) -> Outcome<[u8; 6]> {
    let mut bytes = bytes(&text.replace(':', ""))?;
    bytes.reverse();
    bytes.try_into().map_err(|_| format!("{text}: no address"))
}

/// Bytes from hexadecimal digits.
fn bytes(text: &str) -> Outcome<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()),
        _ => Err(format!("{text}: not hexadecimal")),
    }
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(text: &str) -> Outcome<usize> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text}: no number"))
}

/// A transfer's byte number `at`: no period of it is one of a frame or an SDU.
fn pattern(at: usize) -> u8 {
    (at % 251) as u8 ^ (at / 251 % 241) as u8
}

/// Says what a result is an error of.
fn said<T, E: core::fmt::Debug>(what: &str, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| format!("{what}: {error:?}"))
}

/// Sends so many bytes in SDUs of this size.
async fn send_pattern(stack: &Stack<'_>, channel: &mut L2capChannel<'_, Pool>, count: usize) -> Outcome {
    let size = SDU.min(channel.peer_mtu() as usize);
    let mut at = 0;
    while at < count {
        let sdu: Vec<u8> = (at..count.min(at + size)).map(pattern).collect();
        said("send", channel.send(stack, &sdu).await)?;
        at += sdu.len();
    }
    Ok(())
}

/// Receives until the other side closes the channel, or that many bytes came.
async fn receive_pattern(stack: &Stack<'_>, channel: &mut L2capChannel<'_, Pool>, most: usize) -> Outcome<usize> {
    let mut buffer = [0; 1024];
    let mut count = 0;
    while count < most {
        let size = match channel.receive(stack, &mut buffer).await {
            Ok(size) => size,
            Err(BleHostError::BleHost(Error::ChannelClosed)) => break,
            Err(error) => return Err(format!("receive: {error:?} after {count} bytes")),
        };
        if let Some(wrong) = (0..size).find(|&at| buffer[at] != pattern(count + at)) {
            return Err(format!("receive: byte {} is wrong", count + wrong));
        }
        count += size;
    }
    Ok(count)
}

async fn run(controller: &str, role: &str, options: Options) -> Outcome {
    let stream = said(controller, TcpStream::connect(controller).await)?;
    said("no delay", stream.set_nodelay(true))?;
    let (reader, writer) = stream.into_split();
    let wire = Wire::new(FromTokio::new(reader), FromTokio::new(writer));
    let mut resources = Resources::new();
    let mut builder = trouble_host::new(Controller::new(wire), &mut resources)
        .set_io_capabilities(options.io)
        .set_passkey(options.passkey);
    if let Some(address) = options.random {
        builder = builder.set_random_address(Address::random(address));
    }
    if options.privacy {
        builder = builder.enable_privacy(IdentityResolvingKey::new(0x7472_6f75_626c_6521_5f61_6e64_5f70_6565).unwrap());
    }
    for spsm in [peripheral::ECHO, peripheral::SINK, peripheral::SOURCE] {
        builder = builder.register_l2cap_spsm(spsm);
    }
    let stack = builder.build();
    let mut runner = stack.runner();
    let handler = central::Reports::new(&options);
    let role = async {
        if options.privacy {
            // Whoever advertises or scans before the controller knows the IRK does so without it, for good.
            embassy_time::Timer::after_millis(500).await;
        }
        match role {
            "peripheral" => peripheral::run(&stack, &options).await,
            "central" => central::run(&stack, &options, &handler).await,
            _ => Err(USAGE.to_string()),
        }
    };
    match select(runner.run_with_handler(&handler), role).await {
        Either::First(result) => said("host", result),
        Either::Second(result) => result,
    }
}

fn main() {
    env_logger::init();
    let mut arguments = std::env::args().skip(1);
    let (Some(controller), Some(role)) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    let options = Options::parse(arguments).unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    match runtime.block_on(run(&controller, &role, options)) {
        Ok(()) => println!("done"),
        Err(error) => {
            println!("failed: {error}");
            std::process::exit(1);
        }
    }
}
