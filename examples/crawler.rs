//! A crawler: five processes fetch the pages of a site, which lead to further pages.
//!
//! Python: `multiprocessing.Pool(5)` with `imap_unordered(fetch, urls)`; `ProcessPoolExecutor(5)`.
//!
//! The site is served by this program itself, on the loopback device; each page takes 20 ms.
use commonhold::Pool;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PAGES: usize = 40;
const LATENCY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(10);

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
    thread::spawn(move || {
        listener.incoming().flatten().for_each(|s| drop(thread::spawn(|| serve(s))))
    });

    let pool = Pool::new(5)?;
    let start = Instant::now();
    let mut seen = BTreeSet::from(["/0".to_owned()]);
    let (mut frontier, mut fetched, mut broken) = (vec!["/0".to_owned()], 0, Vec::new());
    while !frontier.is_empty() {
        let addresses = std::mem::take(&mut frontier).into_iter().map(|path| (host.clone(), path));
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
    if fetched != PAGES || broken != ["/gone: HTTP/1.1 404 Not Found"] {
        return Err(format!("it should be {PAGES} pages, and one broken link").into());
    }
    Ok(())
}

fn fetch((host, path): (String, String)) -> Result<Page, String> {
    let text = get(&host, &path).map_err(|error| format!("{path}: {error}"))?;
    let (status, rest) = text.split_once("\r\n").unwrap_or_default();
    if status != "HTTP/1.1 200 OK" {
        return Err(format!("{path}: {status}"));
    }
    let links = rest.split("href='").skip(1).filter_map(|link| link.split('\'').next());
    Ok(Page { links: links.map(str::to_owned).collect(), path })
}

fn get(host: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    io::read_to_string(stream)
}

/// One request: page n leads to 2n + 1 and 2n + 2, and back to the first; the last one to nowhere.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let request =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
    let path =
        request.fold(String::new(), |first, line| if first.is_empty() { line } else { first });
    thread::sleep(LATENCY);
    let page = path.split(['/', ' ']).nth(2).and_then(|number| number.parse::<usize>().ok());
    let Some(n) = page else { return write!(stream, "HTTP/1.1 404 Not Found\r\n\r\n") };
    write!(stream, "HTTP/1.1 200 OK\r\n\r\n<a href='/0'>home</a>")?;
    let next = [2 * n + 1, 2 * n + 2].into_iter().filter(|next| *next < PAGES);
    next.clone().try_for_each(|next| write!(stream, "<a href='/{next}'>{next}</a>"))?;
    if n + 1 == PAGES { write!(stream, "<a href='/gone'>gone</a>") } else { Ok(()) }
}
