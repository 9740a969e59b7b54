//! A game server: a process for each connection, all of them waiting at one listening socket.
//!
//! Python: `Process(target=serve, args=(listener, board, seat), daemon=True)`, `connection.wait`.
//!
//! A player says words; the bytes of each new one are points on the shared score board. One player's
//! process is killed in the middle: its seat is cleared and filled again, and nobody else notices.
use commonhold::{Array, Process, Queue, Waitable, wait_any};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::{collections::HashSet, error::Error, thread, time::Duration};

const SEATS: usize = 3;
const WORDS_PER_PLAYER: usize = 300;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    commonhold::init();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (board, unplug) = (Array::<u64>::new(SEATS)?, Queue::new(1)?);
    let occupy = |seat| -> Result<Process, Box<dyn Error>> {
        let args = (listener.try_clone()?, board.clone(), seat); // the child inherits the socket
        Ok(Process::options().daemon(true).spawn(serve, args)?)
    };
    let mut seats = (0..SEATS).map(occupy).collect::<Result<Vec<_>, _>>()?;

    let words: Vec<&str> = include_str!("../README.md").split_whitespace().collect();
    let (mut scores, mut expected, mut killed) = (Vec::new(), Vec::new(), 0);
    for (player, words) in words.chunks(WORDS_PER_PLAYER).map(<[_]>::to_vec).enumerate() {
        let different: HashSet<&str> = words.iter().copied().collect();
        expected.push(different.iter().map(|word| word.len() as u64).sum());
        let unplug = (player == 0).then(|| unplug.clone());
        thread::spawn(move || play(address, &words, unplug));
    }
    while scores.len() < expected.len() {
        let processes = seats.iter().map(|process| process as &dyn Waitable);
        let all: Vec<&dyn Waitable> = processes.chain([&unplug as _]).collect();
        let seat = *wait_any(&all, Some(PATIENCE)).first().ok_or("nothing happens any more")?;
        if seat == SEATS {
            seats[unplug.recv()? as usize].kill()?;
            continue;
        }
        let (status, points) = (seats[seat].join()?, board.swap(seat, 0)?);
        println!("seat {seat} had {points:>4} points; its process ended with {status}");
        scores.extend(status.success().then_some(points));
        killed += u32::from(status.signal() == Some(9));
        seats[seat] = occupy(seat)?;
    }
    scores.sort();
    expected.sort();
    println!("scores: {scores:?}, expected: {expected:?}; {killed} killed");
    (scores == expected && killed == 1).then_some(()).ok_or("it came out otherwise".into())
}

/// One connection; who else waits at the socket gets the next one. It ends when the player leaves.
fn serve(listener: TcpListener, board: Array<u64>, seat: usize) -> Result<(), Box<dyn Error>> {
    let (stream, mut said) = (listener.accept()?.0, HashSet::new());
    for word in BufReader::new(&stream).lines().map_while(Result::ok) {
        board.fetch_add(seat, if said.contains(&word) { 0 } else { word.len() as u64 })?;
        said.insert(word);
        (&stream).write_all(format!("{seat}\n").as_bytes())?;
    }
    Ok(())
}

fn play(server: SocketAddr, words: &[&str], unplug: Option<Queue<u64>>) -> io::Result<()> {
    let stream = TcpStream::connect(server)?;
    let mut replies = BufReader::new(&stream).lines().map_while(Result::ok);
    for (n, word) in words.iter().enumerate() {
        (&stream).write_all(format!("{word}\n").as_bytes())?;
        let seat = replies.next().and_then(|seat| seat.parse().ok());
        if let (100, Some(seat), Some(unplug)) = (n, seat, &unplug) {
            unplug.send(seat).map_err(io::Error::other)?;
            replies.for_each(drop); // until the connection breaks: the game begins anew
            return play(server, words, None);
        }
    }
    Ok(())
}
