//! A program under test, as a process of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running or finished program with its output in files. Dropping it kills the program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: TempDir,
}

impl Program {
    /// Starts a program with nothing to read. `env` adds to this process's environment.
    ///
    /// # Errors
    /// The operating system's.
    pub fn spawn<A: AsRef<OsStr>>(
        program: &Path,
        args: &[A],
        env: &[(&str, &str)],
    ) -> io::Result<Self> {
        Self::spawn_with_input(program, args, env, b"")
    }

    /// As [`Self::spawn`], with text on its standard input.
    ///
    /// # Errors
    /// The operating system's.
    pub fn spawn_with_input<A: AsRef<OsStr>>(
        program: &Path,
        args: &[A],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> io::Result<Self> {
        let output = tempfile::tempdir()?;
        let stdin = output.path().join("stdin");
        fs::write(&stdin, input)?;
        let child = Command::new(program)
            .args(args)
            .envs(env.iter().copied())
            .stdin(File::open(stdin)?)
            .stdout(File::create(output.path().join("stdout"))?)
            .stderr(File::create(output.path().join("stderr"))?)
            .spawn()?;
        Ok(Self { child, output })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    ///
    /// # Errors
    /// The operating system's.
    pub fn stdout(&self) -> io::Result<String> {
        self.read("stdout")
    }

    /// What it has written to standard error so far.
    ///
    /// # Errors
    /// The operating system's.
    pub fn stderr(&self) -> io::Result<String> {
        self.read("stderr")
    }

    fn read(&self, name: &str) -> io::Result<String> {
        let bytes = fs::read(self.output.path().join(name))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until its output, of either kind, contains `text`; `false` when it ended without, or
    /// after `limit`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn wait_for_output(&mut self, text: &str, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            // Asked before reading, so that the last words of a finished program are read.
            let finished = self.child.try_wait()?.is_some();
            if self.stdout()?.contains(text) || self.stderr()?.contains(text) {
                return Ok(true);
            }
            if finished || Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end; `None` when it still runs after `limit`. It is not killed then.
    ///
    /// # Errors
    /// The operating system's.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        wait_within(&mut self.child, limit)
    }

    /// Asks it to stop (`SIGTERM`), as a service manager does.
    ///
    /// # Errors
    /// The operating system's.
    pub fn terminate(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Not yet waited for, so the id is still this child's.
        let status = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("kill -TERM: {status}")))
        }
    }

    /// Kills it (`SIGKILL`) at whatever instruction it is, and waits until it is gone.
    ///
    /// # Errors
    /// The operating system's.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            // A drop cannot fail, and a panic here would hide the test's own.
            let _ = writeln!(io::stderr(), "program cannot be killed: {error}");
        }
    }
}

/// Waits for a child's end; `None` when it still runs after `limit`.
pub(crate) fn wait_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}
