//! Somebody between chip and board: hears every byte, and may change, swallow
//! or add what it likes.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What it does with a command: it may ask the TPM whatever it wants and
/// answers what it wants.
pub type Hook = Box<dyn FnMut(&[u8], &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> + Send>;

/// A running one.
pub struct Tap {
    port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    hook: Arc<Mutex<Hook>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Listens only.
    pub fn new(to: u16) -> Self {
        Self::at(TcpListener::bind(("127.0.0.1", 0)).unwrap(), to)
    }

    /// Listens at a place.
    pub fn at(listener: TcpListener, to: u16) -> Self {
        Self::serve(listener, move |near, heard, hook| {
            talk(near, to, heard, hook)
        })
    }

    fn serve(
        listener: TcpListener,
        conversation: impl Fn(&mut TcpStream, &Mutex<Vec<Vec<u8>>>, &Mutex<Hook>) -> io::Result<()>
        + Send
        + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let hook: Arc<Mutex<Hook>> = Arc::new(Mutex::new(Box::new(|command, ask| ask(command))));
        let over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (heard, hook, over) = (heard.clone(), hook.clone(), over.clone());
            move || {
                for near in listener.incoming() {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    // Either side hanging up ends the conversation.
                    let _ = conversation(&mut near.unwrap(), &heard, &hook);
                }
            }
        });
        Self {
            port,
            heard,
            hook,
            over,
            thread: Some(thread),
        }
    }

    /// Passes bytes on without listening: for a channel that knows no frames.
    pub fn relay(listener: TcpListener, to: u16) -> Self {
        Self::serve(listener, move |near, _, _| {
            let mut far = TcpStream::connect(("127.0.0.1", to))?;
            let (mut answers, mut back) = (far.try_clone()?, near.try_clone()?);
            std::thread::spawn(move || io::copy(&mut answers, &mut back));
            io::copy(near, &mut far)?;
            far.shutdown(std::net::Shutdown::Both)
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, commands go through `hook`.
    pub fn set(
        &self,
        hook: impl FnMut(&[u8], &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> + Send + 'static,
    ) {
        *self.hook.lock().unwrap() = Box::new(hook);
    }

    /// Commands and answers as the board saw them, in turn.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }

    /// The codes of the commands heard.
    pub fn commands(&self) -> Vec<u32> {
        self.heard()
            .iter()
            .step_by(2)
            .map(|it| word(it, 6))
            .collect()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// The 32-bit word at a place.
pub fn word(frame: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(frame[at..at + 4].try_into().unwrap())
}

/// A frame's bytes with its length put right.
pub fn framed(mut frame: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    frame[2..6].copy_from_slice(&length);
    frame
}

/// An answer that is nothing but a code.
pub fn refusal(code: u32) -> Vec<u8> {
    [&[0x80, 1, 0, 0, 0, 10], &code.to_be_bytes()[..]].concat()
}

fn talk(
    near: &mut TcpStream,
    to: u16,
    heard: &Mutex<Vec<Vec<u8>>>,
    hook: &Mutex<Hook>,
) -> io::Result<()> {
    let mut far = TcpStream::connect(("127.0.0.1", to))?;
    far.set_nodelay(true)?;
    near.set_nodelay(true)?;
    loop {
        let command = read_frame(near)?;
        let mut ask = |frame: &[u8]| {
            far.write_all(frame).unwrap();
            // A TPM that hangs up has refused.
            read_frame(&mut far).unwrap_or_else(|_| refusal(0x101))
        };
        let answer = hook.lock().unwrap()(&command, &mut ask);
        heard.lock().unwrap().extend([command, answer.clone()]);
        near.write_all(&answer)?;
    }
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 10];
    stream.read_exact(&mut frame)?;
    let length = usize::try_from(word(&frame, 2)).unwrap();
    frame.resize(length.clamp(10, 4096), 0);
    stream.read_exact(&mut frame[10..])?;
    Ok(frame)
}
