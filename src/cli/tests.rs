//! The shape of the command line itself.

use super::*;
use clap::CommandFactory;

#[test]
fn the_arguments_fit_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_shows_an_example() {
    fn walk(command: &clap::Command, path: &str) {
        let name = format!("{path} {}", command.get_name());
        if command.has_subcommands() {
            command
                .get_subcommands()
                .for_each(|inner| walk(inner, &name));
        } else {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(
                help.contains("Example") && help.contains(name.trim()),
                "{name}"
            );
        }
    }
    walk(&Cli::command(), "");
}

#[test]
fn a_wrong_command_is_named_without_repeating_it() {
    let cases: [&[&str]; 6] = [
        &[
            "healthpost",
            "secret",
            "set",
            "whatsapp.access_token",
            "canary",
        ],
        &["healthpost", "canary"],
        &["healthpost", "records", "erase", "canary"],
        &["healthpost", "--log", "canary", "doctor"],
        &[
            "healthpost",
            "export",
            "--format",
            "csv",
            "--out=x",
            "--since=1",
            "canary",
        ],
        &["healthpost", "init", "--key", "canary"],
    ];
    for arguments in cases {
        let error = Cli::try_parse_from(arguments).unwrap_err();
        let failure = failure::wrong_arguments(&error);
        assert_eq!(
            format!("{:?}", failure.status()),
            format!("{:?}", ExitCode::from(2))
        );
        let text = failure.to_string();
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("hint: "), "{text}");
    }
}
