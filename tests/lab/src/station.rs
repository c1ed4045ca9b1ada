//! The process that stands for the stations of one namespace.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

pub struct Station {
    child: Child,
    input: Mutex<ChildStdin>,
    waiting: std::sync::Arc<Mutex<HashMap<u64, Sender<bool>>>>,
    next: AtomicU64,
}

impl Station {
    pub fn start(namespace: &str, program: &str) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace, program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = Mutex::new(child.stdin.take().unwrap());
        let output = BufReader::new(child.stdout.take().unwrap());
        let waiting: std::sync::Arc<Mutex<HashMap<u64, Sender<bool>>>> = std::sync::Arc::default();
        let answers = waiting.clone();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Some((id, answer)) = line.split_once(' ') else { continue };
                if let Some(sender) = id.parse().ok().and_then(|id| answers.lock().unwrap().remove(&id)) {
                    let _ = sender.send(answer == "yes");
                }
            }
            // Whoever still waits learns that the process has ended.
            answers.lock().unwrap().clear();
        });
        Self { child, input, waiting, next: AtomicU64::new(1) }
    }

    /// Gives an order; its number, and where the answer will come.
    pub fn order(&self, order: &str) -> (u64, Receiver<bool>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.input.lock().unwrap().write_all(format!("{id} {order}\n").as_bytes()).unwrap();
        (id, receiver)
    }

    pub fn done(&self, order: &str) -> bool {
        self.order(order).1.recv().unwrap()
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
