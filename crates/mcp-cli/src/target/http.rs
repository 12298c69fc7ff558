//! The HTTP client of the options, and headers from variables and commands.

use std::{fs, path::Path, process::Command};

use mcp_client::http::{HttpClient, Proxy};

use super::TargetOptions;
use crate::failure::Failure;

/// The HTTP client, if an option requires one other than the default.
pub(super) fn http_client(options: &TargetOptions) -> Result<Option<HttpClient>, Failure> {
    let TargetOptions { cacert, cert, key, proxy, insecure, .. } = options;
    if cacert.is_none() && cert.is_none() && proxy.is_none() && !insecure {
        return Ok(None);
    }
    let mut builder = HttpClient::builder().danger_accept_invalid_certs(*insecure);
    if let Some(file) = cacert {
        builder = builder.extra_root_pem(read(file)?);
    }
    if let (Some(cert), Some(key)) = (cert, key) {
        builder = builder.client_certificate(read(cert)?, read(key)?);
    }
    if let Some(url) = proxy {
        let proxy = Proxy::all(url).map_err(|error| Failure::usage(format!("--proxy: {error}")))?;
        builder = builder.proxy(proxy);
    }
    let client = builder.build();
    client.map(Some).map_err(|error| Failure::usage(format!("the HTTP client: {error}")))
}

/// The headers of the options, with their values.
pub(super) fn headers(options: &TargetOptions) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = options.headers.clone();
    for (name, variable) in &options.header_env {
        headers.push((name.clone(), value_of("--header-env", variable)?));
    }
    if let Some(variable) = &options.bearer_env {
        let token = value_of("--bearer-env", variable)?;
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    for (name, command) in &options.header_command {
        headers.push((name.clone(), printed_by(command)?));
    }
    Ok(headers)
}

fn value_of(option: &str, variable: &str) -> Result<String, Failure> {
    std::env::var(variable)
        .map_err(|_| Failure::usage(format!("{option}: the variable {variable} is not set")))
}

/// The output of a shell command. It inherits stderr.
fn printed_by(command: &str) -> Result<String, Failure> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let failed = |why: String| Failure::usage(format!("--header-command: {command}: {why}"));
    let stderr = std::process::Stdio::inherit();
    let output = Command::new(shell).args([flag, command]).stderr(stderr).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| failed("its output is not text".to_owned()))?;
    Ok(text.trim().to_owned())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}
