//! The program as a process of its own: what it prints, a folder for its files, and its simulator.

use crate::support::components;
use host_test::components::FOLDER;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// Runs the program to its end.
pub fn host_test(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_host-test"))
        .env(FOLDER, components())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What it printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder of its own for each test, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("host-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The simulator as a process of its own.
pub struct Simulator {
    process: Child,
    /// Its files.
    pub folder: Folder,
    /// Its origin.
    pub base_url: String,
}

impl Simulator {
    /// Starts one, with these options besides.
    pub fn start(name: &str, more: &[&str]) -> Self {
        let folder = Folder::new(name);
        let (ready, authorizations) = (folder.file("ready.json"), folder.file("authorizations.toml"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_host-test"))
            .args(["simulator", "--ready-file", &ready, "--authorizations-file", &authorizations])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut printed = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut printed).unwrap();
        assert_eq!(printed.trim_end(), std::fs::read_to_string(&ready).unwrap());
        let line: Value = serde_json::from_str(&printed).unwrap();
        let base_url = line["base_url"].as_str().unwrap().to_string();
        Self { process, folder, base_url }
    }

    /// A call of this simulator; its JSON and exit code.
    pub fn call(&self, method: &str, more: &[&str]) -> (Value, i32) {
        let authorizations = self.folder.file("authorizations.toml");
        let common =
            ["--instance", &self.base_url, "--authorization", "main", "--authorizations", &authorizations, "--json"];
        let output = host_test(&[&["call", method], &common[..], more].concat());
        let printed = serde_json::from_slice(&output.stdout);
        (printed.unwrap_or_else(|_| panic!("{}", text(&output.stderr))), output.status.code().unwrap())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An exchange over HTTP: the status and the body.
pub fn exchange(url: &str, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let has_host = headers.iter().any(|(name, _)| *name == "Host");
    let host = if has_host { String::new() } else { format!("Host: {address}\r\n") };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_string())
}
