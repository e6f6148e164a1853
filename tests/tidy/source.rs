//! One Rust file as the rules see it: its text, its tree, and its tokens with
//! everything under `#[cfg(test)]` taken out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::fmt;
use std::path::Path;

/// A breach of a rule, with its place.
#[derive(Debug)]
pub struct Fault {
    /// The file, from the top of the repository.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, as a sentence.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}:{}: {}", self.path, self.line, self.what)
    }
}

/// A path written in the code, such as `crate::store::Store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its parts, in order.
    pub parts: Vec<String>,
    /// Where it begins.
    pub line: usize,
}

/// One file.
pub struct Source {
    /// From the top of the repository, with forward slashes.
    pub path: String,
    /// As it stands on disk.
    pub text: String,
    /// As syn reads it.
    pub file: syn::File,
    /// Its tokens without test code.
    pub tokens: TokenStream,
}

impl Source {
    /// Reads a piece of Rust as if it stood at `path`.
    pub fn parse(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let tokens: TokenStream = text.parse().unwrap();
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            file,
            tokens: without_tests(tokens),
        }
    }

    /// Reads every `.rs` file under `folder`, in a fixed order.
    pub fn tree(folder: &str) -> Vec<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        walk(&top.join(folder), &mut found);
        found.sort();
        found
            .iter()
            .map(|path| {
                let text = std::fs::read_to_string(path).unwrap();
                let short = path
                    .strip_prefix(top)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                Self::parse(&short, &text)
            })
            .collect()
    }

    /// The files of the program itself: `src/` without its test files.
    pub fn program() -> Vec<Self> {
        let mut sources = Self::tree("src");
        sources.retain(|it| !it.is_test_file());
        sources
    }

    /// Whether the file is a test module on its own: its name ends in `tests`,
    /// or it stands in a folder `tests`. `words::tests_are_gated` sees that its
    /// parent brings it in under `#[cfg(test)]`.
    pub fn is_test_file(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
    }

    /// The room a file stands in: the first folder or file under `src/`.
    pub fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split('/').next().unwrap_or(inside);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many `super` lead from this file to the crate's root.
    pub fn depth(&self) -> usize {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let parts = inside.split('/').count();
        if inside.ends_with("mod.rs") {
            parts - 1
        } else {
            parts
        }
    }

    /// A fault in this file.
    pub fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// Every path written outside tests, `use` groups spread out.
    pub fn named(&self) -> Vec<Named> {
        let mut all = Vec::new();
        collect(self.tokens.clone(), &[], &mut all);
        all
    }

    /// Every string literal outside tests and docs, with its line.
    pub fn strings(&self) -> Vec<(String, usize)> {
        let mut all = Vec::new();
        literals(self.tokens.clone(), &mut all);
        all
    }
}

fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// Whether a bracket group is `[cfg(test)]` or `[test]`.
fn marks_test(group: &Group) -> bool {
    let text = group.stream().to_string().replace(' ', "");
    group.delimiter() == Delimiter::Bracket
        && (text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test"))
}

/// Leaves out each item that stands under a test attribute.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut iter = tokens.into_iter().peekable();
    while let Some(token) = iter.next() {
        let hash = matches!(&token, TokenTree::Punct(p) if p.as_char() == '#');
        if hash && matches!(iter.peek(), Some(TokenTree::Group(g)) if marks_test(g)) {
            iter.next();
            for skipped in iter.by_ref() {
                let ends = match &skipped {
                    TokenTree::Group(g) => g.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(p) => p.as_char() == ';',
                    TokenTree::Ident(_) | TokenTree::Literal(_) => false,
                };
                if ends {
                    break;
                }
            }
            continue;
        }
        kept.push(match token {
            TokenTree::Group(g) => {
                let mut inner = Group::new(g.delimiter(), without_tests(g.stream()));
                inner.set_span(g.span());
                TokenTree::Group(inner)
            }
            other => other,
        });
    }
    kept.into_iter().collect()
}

/// Steps over `::` if it comes next.
fn colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |i: usize| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn collect(stream: TokenStream, prefix: &[String], all: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(first) => {
                let line = first.span().start().line;
                let mut parts = prefix.to_vec();
                parts.push(first.to_string());
                let mut spread = false;
                while colons(&tokens, at) {
                    match tokens.get(at + 2) {
                        Some(TokenTree::Ident(next)) => parts.push(next.to_string()),
                        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Brace => {
                            collect(g.stream(), &parts, all);
                            spread = true;
                        }
                        _ => {
                            at += 2;
                            break;
                        }
                    }
                    at += 3;
                }
                if !spread {
                    all.push(Named { parts, line });
                }
            }
            TokenTree::Group(g) => collect(g.stream(), &[], all),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn literals(stream: TokenStream, all: &mut Vec<(String, usize)>) {
    let mut after_hash = false;
    for token in stream {
        match &token {
            TokenTree::Literal(it) => {
                let line = it.span().start().line;
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&it.to_string()) {
                    all.push((text.value(), line));
                }
            }
            TokenTree::Group(g) => {
                let doc = g.stream().to_string().starts_with("doc");
                if !(after_hash && doc) {
                    literals(g.stream(), all);
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
        after_hash = matches!(&token, TokenTree::Punct(p) if matches!(p.as_char(), '#' | '!'));
    }
}
