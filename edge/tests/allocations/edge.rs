//! An edge in this process, with an event that is sold out.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use contract::ids::EventId;
use edge::claims::AskedOf;
use edge::config::{Config, LogFormat};
use edge::cors::Origins;
use edge::identity::Mode;
use edge::limits::Setting as Limits;
use edge::metrics::Recording;
use edge::process::Edge;
use edge::proxy_protocol::Forwarders;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use links::kafka::KafkaConfig;
use links::on_panic::OnPanic;
use links::redis::RedisConfig;
use rig::stack::{Handle, PartKind, own_address, wait_until};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;

/// Whatever is waited for here comes within seconds, or something is broken.
const SOON: Duration = Duration::from_secs(30);
/// Who has the one unit.
pub(crate) const WINNER: usize = 0;

/// Ends the edge with the value.
pub(crate) struct SoldOut {
    pub(crate) address: SocketAddr,
    pub(crate) event: EventId,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

pub(crate) fn sold_out() -> SoldOut {
    let stack = Handle::from_env().unwrap();
    let config = config(&stack);
    let address = config.listen;
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let edge = Edge::build(config).await.unwrap();
            edge.run(async { drop(stopped.await) }).await.unwrap();
        });
    });
    let event: EventId = format!("allocations-{}", uuid::Uuid::now_v7().simple()).parse().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(create(&stack, address, &event));
    drop(Client::connect(address, &event, WINNER));
    SoldOut { address, event, running: Some((stop, thread)) }
}

impl Drop for SoldOut {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the edge failed");
        }
    }
}

fn config(stack: &Handle) -> Config {
    let addresses =
        |kind| stack.addresses(kind).iter().map(ToString::to_string).collect::<Vec<_>>();
    Config {
        name: format!("allocations-{}", std::process::id()),
        listen: own_address(),
        metrics_listen: own_address(),
        identity: Mode::Open,
        limits: Limits::default(),
        forwarders: Forwarders::default(),
        cores: 1,
        redis: RedisConfig::plain(addresses(PartKind::Redis)),
        kafka: KafkaConfig::plain(addresses(PartKind::Kafka)),
        cors_origins: Origins::default(),
        sold_out: AskedOf::Memory,
        metrics: Recording::On,
        traces: None,
        on_panic: OnPanic::Abort,
        log_filter: "off".to_owned(),
        log_format: LogFormat::Json,
        #[cfg(feature = "failpoints")]
        failpoints: Default::default(),
    }
}

async fn create(stack: &Handle, edge: SocketAddr, event: &EventId) {
    let create = ["event", "create", event.as_str(), "--stock", "1", "--open", "--wait-s", "60"];
    let output = stack.persister(&create).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = format!("/api/v1/coupons/status/{event}");
    let knows = || async {
        match get(edge, &path).await {
            Ok(200) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait_until(SOON, "an edge that knows the event", knows).await.unwrap();
}

/// The status of a GET.
async fn get(
    edge: SocketAddr,
    path: &str,
) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let exchange = async {
        let stream = TcpStream::connect(edge).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(path).header("host", "edge").body(Empty::<Bytes>::new())?;
        let answered = async {
            let status = sender.send_request(request).await.map(|answer| answer.status().as_u16());
            drop(sender);
            status
        };
        let (status, _) = tokio::join!(answered, connection);
        Ok(status?)
    };
    timeout(SOON, exchange).await?
}
