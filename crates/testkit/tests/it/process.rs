//! A program under test as a process.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use airdrops_testkit::Program;

const SHELL: &str = "/bin/sh";
const LIMIT: Duration = Duration::from_secs(20);

fn shell(script: &str, env: &[(&str, &str)]) -> Program {
    Program::spawn(Path::new(SHELL), &["-c", script], env).unwrap()
}

#[test]
fn output_and_status_are_kept() {
    let mut program = shell(
        "echo said $WORD; echo wrong >&2; exit 3",
        &[("WORD", "hello")],
    );
    assert_eq!(program.wait(LIMIT).unwrap().unwrap().code(), Some(3));
    assert_eq!(program.stdout().unwrap(), "said hello\n");
    assert_eq!(program.stderr().unwrap(), "wrong\n");
    assert!(program.wait_for_output("wrong", Duration::ZERO).unwrap());
    assert!(!program.wait_for_output("right", LIMIT).unwrap());
}

#[test]
fn input_is_read_to_its_end() {
    let args = ["-c", "cat; echo end"];
    let mut program = Program::spawn_with_input(Path::new(SHELL), &args, &[], b"in ").unwrap();
    assert!(program.wait(LIMIT).unwrap().unwrap().success());
    assert_eq!(program.stdout().unwrap(), "in end\n");
}

#[test]
fn program_is_killed_at_once_and_asked_to_stop_politely() {
    let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    let mut killed = shell(script, &[]);
    assert!(killed.wait_for_output("up", LIMIT).unwrap());
    assert_eq!(killed.wait(Duration::from_millis(50)).unwrap(), None);
    assert_eq!(killed.kill().unwrap().signal(), Some(9));
    assert_eq!(killed.stdout().unwrap(), "up\n");

    let mut asked = shell(script, &[]);
    assert!(asked.wait_for_output("up", LIMIT).unwrap());
    asked.terminate().unwrap();
    assert!(asked.wait(LIMIT).unwrap().unwrap().success());
    assert_eq!(asked.stdout().unwrap(), "up\nbye\n");
    asked.terminate().unwrap();
}

#[test]
fn dropped_program_is_gone() {
    let program = shell("exec sleep 600", &[]);
    let proc = format!("/proc/{}", program.id());
    assert!(Path::new(&proc).exists());
    drop(program);
    assert!(!Path::new(&proc).exists());
}
