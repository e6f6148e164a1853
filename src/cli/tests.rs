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
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(
            help.contains("Example") && help.contains(name.trim()),
            "{name}"
        );
        command
            .get_subcommands()
            .for_each(|inner| walk(inner, &name));
    }
    walk(&Cli::command(), "");
}

/// Commands that are to come: nothing may send anybody to them yet.
const TO_COME: [&str; 6] = ["audit", "backup", "openapi", "relay", "send", "update"];

/// What stands behind each "healthpost " in a text, as words; line ends and what
/// marks up code do not count.
fn named_commands(text: &str) -> Vec<Vec<String>> {
    let text: String = text
        .lines()
        .map(|line| {
            line.trim()
                .trim_start_matches("//")
                .trim_start_matches(['/', '!'])
        })
        .map(|line| line.strip_suffix('\\').unwrap_or(line).trim())
        .flat_map(|line| [line, " "])
        .collect();
    let ends = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == ' ');
    let mut found = Vec::new();
    for (at, name) in text.match_indices("healthpost ") {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || "-/.".contains(c)) {
            continue;
        }
        let rest = &text[at + name.len()..];
        let sentence = rest.split(ends).next().unwrap_or_default();
        found.push(sentence.split_whitespace().map(str::to_owned).collect());
    }
    found
}

/// Whether the words are a command's, with the options that follow at once.
fn is_there(words: &[String]) -> bool {
    let mut command = Cli::command();
    command.build();
    let mut words = words.iter().peekable();
    let first = words.peek().map_or("", |word| word.as_str());
    if command.find_subcommand(first).is_none() {
        // Prose about the program; or a promise.
        return !TO_COME.contains(&first);
    }
    let mut command = &command;
    while command.has_subcommands() {
        match words.next() {
            None => return true,
            Some(word) if word == "--help" => return true,
            Some(word) => match command.find_subcommand(word) {
                Some(inner) => command = inner,
                None => return false,
            },
        }
    }
    let mut options = words.take_while(|word| word.starts_with("--"));
    options.all(|option| {
        let mut all = command.get_arguments();
        option == "--help" || all.any(|it| it.get_long() == option.strip_prefix("--"))
    })
}

#[test]
fn every_command_that_is_named_anywhere_is_there() {
    fn files(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, into);
            } else if path
                .extension()
                .is_some_and(|it| it == "rs" || it == "html")
            {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&root.join("src"), &mut all);
    for page in [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "ARCHITECTURE.md",
    ] {
        all.push(root.join(page));
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in all.iter().filter(|path| !path.ends_with("cli/tests.rs")) {
        for words in named_commands(&std::fs::read_to_string(path).unwrap()) {
            seen += 1;
            if !is_there(&words) {
                wrong.push(format!("{}: {words:?}", path.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let words = |text: &str| named_commands(text).remove(0);
    for text in [
        "run healthpost backup now",
        "healthpost key frob",
        "healthpost doctor --frob",
    ] {
        assert!(!is_there(&words(text)), "{text}");
    }
    for text in [
        "`healthpost key` does it",
        "healthpost is a box",
        "healthpost key \\\n  drill < F",
    ] {
        assert!(is_there(&words(text)), "{text}");
    }
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
