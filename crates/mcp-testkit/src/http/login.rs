//! Logs in at the pages of an authorization server, without a browser.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Maximum number of pages and redirects of a login.
const MAX_PAGES: usize = 20;

/// Logs in at `page`: follows redirects with cookies, and submits each form with `fields` filled in. Returns the
/// redirect to another server without following it.
///
/// # Errors
/// A page is not part of a login; the text describes it.
pub async fn log_in(page: &str, fields: &[(&str, &str)]) -> Result<String, String> {
    let home = authority(page).ok_or("not a URL of http")?.to_owned();
    let mut cookies = BTreeMap::new();
    let (mut url, mut form) = (page.to_owned(), None);
    for _ in 0..MAX_PAGES {
        let answer = send(&url, form.as_deref(), &mut cookies).await?;
        if let Some(location) = answer.location {
            let next = resolve(&url, &location);
            if authority(&next) != Some(&*home) {
                return Ok(next);
            }
            (url, form) = (next, None);
            continue;
        }
        let Some((action, inputs)) = read_form(&answer.body) else {
            return Err(format!("status {} at {url}: no form: {}", answer.status, answer.body));
        };
        let filled = inputs.iter().map(|(name, value)| {
            let set = fields.iter().find(|(it, _)| it == name);
            format!("{}={}", encode(name), encode(set.map_or(value, |(_, value)| value)))
        });
        form = Some(filled.collect::<Vec<_>>().join("&"));
        url = resolve(&url, &action);
    }
    Err("the login does not end".to_owned())
}

struct Answer {
    status: String,
    location: Option<String>,
    body: String,
}

async fn send(
    url: &str,
    form: Option<&str>,
    cookies: &mut BTreeMap<String, String>,
) -> Result<Answer, String> {
    let authority = authority(url).ok_or("not a URL of http")?;
    let target = url.split_once(authority).map_or("/", |(_, target)| target);
    let target = target.split('#').next().filter(|it| !it.is_empty()).unwrap_or("/");
    let cookie: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (method, body) = form.map_or(("GET", ""), |form| ("POST", form));
    // HTTP/1.0: the body ends with the connection.
    let request = format!(
        "{method} {target} HTTP/1.0\r\nhost: {authority}\r\nconnection: close\r\naccept: text/html\r\ncookie: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        cookie.join("; "),
        body.len(),
    );
    let failed = |error: std::io::Error| format!("{url}: {error}");
    let mut stream = TcpStream::connect(authority).await.map_err(failed)?;
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no response")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut location = None;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("location") {
            location = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("set-cookie") {
            let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
            cookies.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
    Ok(Answer { status: status.to_owned(), location, body: body.to_owned() })
}

fn authority(url: &str) -> Option<&str> {
    url.strip_prefix("http://")?.split(['/', '?', '#']).next()
}

fn resolve(base: &str, location: &str) -> String {
    let home = authority(base).unwrap_or_default();
    match location {
        _ if location.contains("://") => location.to_owned(),
        _ if location.starts_with('/') => format!("http://{home}{location}"),
        _ => {
            let path = base.split(['?', '#']).next().unwrap_or_default();
            let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
            format!("{folder}/{location}")
        }
    }
}

/// The action of the first form of a page, with the names and values of its inputs.
fn read_form(page: &str) -> Option<(String, Vec<(String, String)>)> {
    let form = page.split_once("<form")?.1;
    let (head, rest) = form.split_once('>')?;
    let inputs = rest.split("</form").next()?.split("<input").skip(1).filter_map(|input| {
        let tag = input.split('>').next()?;
        Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
    });
    Some((attribute(head, "action")?, inputs.collect()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
