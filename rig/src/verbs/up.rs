//! `./dev up`: a stack until it is told to end.

use std::process::ExitCode;

use clap::Args;
use rig::stack::{Handle, Limits, PartKind, Stack, StackError, StackOptions};

use super::DEFAULT_STACK;
use super::operators;
use super::table::table;
use super::told::Told;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Its name; stacks of different names run side by side
    #[arg(long, visible_alias = "stack", default_value = DEFAULT_STACK)]
    name: String,
    /// Only these kinds of parts
    #[arg(long, value_delimiter = ',')]
    only: Vec<PartKind>,
    /// Edges
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    edges: u16,
    /// Persisters: one works, the others stand by
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    persisters: u16,
    /// NGINX's limits: demo does not choke a rush from this machine
    #[arg(long, default_value = "demo")]
    limits: Limits,
    /// Edges and persisters reach Redis, Kafka and MySQL over TLS
    #[arg(long)]
    tls: bool,
}

/// Starts the stack, says how to try it, and ends it on Ctrl-C, SIGTERM or `./dev down`.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, StackError> {
    let mut options = StackOptions::new(arguments.name);
    if !arguments.only.is_empty() {
        options.kinds = arguments.only;
    }
    options.edges = arguments.edges;
    options.persisters = arguments.persisters;
    options.limits = arguments.limits;
    options.tls = arguments.tls;

    let mut told = Told::listen()?;
    let Some(stack) = told.unless(Stack::start(options)).await.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    println!("{}", welcome(&stack.handle())?);
    tokio::select! {
        () = told.signalled() => {}
        () = stack.shutdown_requested() => {}
    }
    eprintln!("ending the stack");
    told.unless(stack.stop()).await.transpose()?;
    Ok(ExitCode::SUCCESS)
}

fn welcome(stack: &Handle) -> Result<String, StackError> {
    let status = stack.status();
    let mut text =
        format!("\n{}\nstack {} in {}\n", table(status), status.name, status.directory.display());
    if let Some(nginx) = status.of_kind(PartKind::Nginx).next() {
        text += &curl_lines(&nginx.address.to_string());
    }
    text += &operators::lines(stack)?;
    Ok(text + "\nCtrl-C or ./dev down ends it.")
}

fn curl_lines(nginx: &str) -> String {
    format!(
        "
try it:
  ./dev event create spring --stock 500 --open
  curl -s http://{nginx}/api/v1/coupons/issue -H 'Content-Type: application/json' -d '{{\"event_id\":\"spring\",\"user_id\":\"ann\"}}'
  curl -s http://{nginx}/api/v1/coupons/status/spring
  curl -s 'http://{nginx}/api/v1/coupons/mine/spring?user_id=ann'
or in a browser: http://{nginx}/demo?event=spring
"
    )
}
