//! A crawler: five processes fetch the pages of a site, which lead to further pages.
//!
//! Python: `multiprocessing.Pool(5)` with `imap_unordered(fetch, urls)`; `ProcessPoolExecutor(5)`.
//!
//! The site is served by this program itself, on the loopback device; each page takes 20 ms.
use commonhold::Pool;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::{error::Error, thread, time::Duration, time::Instant};

const PAGES: usize = 40;
const LATENCY: Duration = Duration::from_millis(20);

/// What a worker found. Its fields can cross to another process, so it can.
struct Page {
    path: String,
    links: Vec<String>,
}
commonhold::transfer!(Page { path, links });

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = listener.local_addr()?.to_string();
    let answer = |stream| drop(thread::spawn(|| serve(stream)));
    thread::spawn(move || listener.incoming().flatten().for_each(answer));

    let (pool, start) = (Pool::new(5)?, Instant::now());
    let (mut seen, mut frontier) = (BTreeSet::from(["/0".to_owned()]), vec!["/0".to_owned()]);
    let (mut fetched, mut broken) = (0, Vec::new());
    while !frontier.is_empty() {
        let addresses: Vec<_> = frontier.drain(..).map(|path| (host.clone(), path)).collect();
        for page in pool.imap_unordered(fetch, addresses) {
            match page? {
                Ok(Page { path, links }) => {
                    fetched += 1;
                    println!("{path:>4} leads to {}", links.join(" "));
                    frontier.extend(links.into_iter().filter(|link| seen.insert(link.clone())));
                }
                Err(reason) => broken.push(reason),
            }
        }
    }
    println!("{fetched} pages in {:?}; one by one: {:?}", start.elapsed(), LATENCY * PAGES as u32);
    println!("broken: {}", broken.join(", "));
    let right = fetched == PAGES && broken == ["/gone: HTTP/1.1 404 Not Found"];
    right.then_some(()).ok_or("it should be all pages, and one broken link".into())
}

fn fetch((host, path): (String, String)) -> Result<Page, String> {
    let get = |mut stream: TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        io::read_to_string(stream)
    };
    let text = TcpStream::connect(&host).and_then(get).map_err(|e| format!("{path}: {e}"))?;
    let Some(page) = text.strip_prefix("HTTP/1.1 200 OK\r\n") else {
        return Err(format!("{path}: {}", text.lines().next().unwrap_or("no answer")));
    };
    let links = page.split("href='").skip(1).filter_map(|link| link.split('\'').next());
    Ok(Page { links: links.map(str::to_owned).collect(), path })
}

/// One request: page n leads to the first one, to 2n + 1 and 2n + 2; the last one to nowhere.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    thread::sleep(LATENCY);
    let number = head.first().and_then(|line| line.split(['/', ' ']).nth(2)?.parse().ok());
    let Some(n): Option<usize> = number else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\n\r\n");
    };
    let further = [2 * n + 1, 2 * n + 2].into_iter().filter(|n| *n < PAGES).map(|n| n.to_string());
    let last = (n + 1 == PAGES).then(|| "gone".to_owned());
    let link = |to| format!(" <a href='/{to}'>{to}</a>");
    let links: String = further.chain(last).map(link).collect();
    write!(stream, "HTTP/1.1 200 OK\r\n\r\n<a href='/0'>home</a>{links}")
}
