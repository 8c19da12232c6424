//! `nginx/stream.conf` in a real NGINX.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use rig::stack::{Says, forwarder_command, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::nginx::{Upstream, empty_directory, free_address};

/// `limit_conn` of the file.
const MOST: usize = 500;
const BEYOND: usize = 20;
const SOON: Duration = Duration::from_secs(20);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn nginx_accepts_the_forwarders_file_whatever_it_says() {
    for says in [Says::Nothing, Says::FromWhere] {
        let home = empty_directory();
        let (listen, edge) = (free_address().await, free_address().await);
        let mut command = forwarder_command(&home, listen, &[edge], says).unwrap();
        let output = command.arg("-t").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("[warn]"), "{says:?}: {said}");
        std::fs::remove_dir_all(home).unwrap();
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_its_neighbour_has_too() {
    let edge = Upstream::start(Some(OK)).await;
    let (home, address) = (empty_directory(), free_address().await);
    let mut command = forwarder_command(&home, address, &[edge.address], Says::Nothing).unwrap();
    let nginx = command.stderr(Stdio::null()).spawn().unwrap();
    let up = || async { TcpStream::connect(address).await };
    wait_until(SOON, "the forwarder", up).await.unwrap();

    let mut held = Vec::new();
    for _ in 0..MOST + BEYOND {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    // They send nothing, and are closed all the same.
    let closed = wait_until(SOON, "connections beyond the limit are closed", || async {
        let closed = held.iter().filter(|stream| is_closed(stream)).count();
        if closed >= BEYOND { Ok(closed) } else { Err(closed) }
    });
    // The first one of all may have been counted still.
    assert!(closed.await.unwrap() <= BEYOND + 1);
    let neighbour = asked_from(Ipv4Addr::new(127, 0, 0, 2), address).await;
    assert!(neighbour.starts_with("HTTP/1.1 200 "), "{neighbour}");
    drop(nginx);
    std::fs::remove_dir_all(home).unwrap();
}

/// Nobody sends anything, so whatever can be read is an end.
fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

async fn asked_from(from: Ipv4Addr, server: SocketAddr) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n").await.unwrap();
    let mut answer = vec![0; OK.len()];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}
