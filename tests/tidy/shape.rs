//! Rules on size, docs and names.

use super::source::{Fault, Source};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemFn, ItemMod, Signature, TraitItemFn, Visibility};

const FUNCTION_LINES_MAX: usize = 70;
const FUNCTION_LINES_P90_MAX: usize = 35;
const FILE_LINES_MAX: usize = 400;
const VAGUE: [&str; 6] = ["Manager", "Helper", "Util", "Utils", "Data", "Info"];

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|it| {
        it.path().is_ident("test")
            || (it.path().is_ident("cfg")
                && it
                    .parse_args::<syn::Path>()
                    .is_ok_and(|arg| arg.is_ident("test")))
    })
}

fn has_doc(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|it| it.path().is_ident("doc"))
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// A function's place and its lines from signature to closing brace.
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, sig: &Signature, block: &syn::Block) {
        let line = sig.fn_token.span.start().line;
        let end = block.brace_token.span.close().end().line;
        self.0.push(Function {
            name: sig.ident.to_string(),
            line,
            lines: end + 1 - line,
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        if !is_test(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        if !is_test(&it.attrs) {
            self.add(&it.sig, &it.block);
            visit::visit_item_fn(self, it);
        }
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        if !is_test(&it.attrs) {
            self.add(&it.sig, &it.block);
            visit::visit_impl_item_fn(self, it);
        }
    }

    fn visit_trait_item_fn(&mut self, it: &'ast TraitItemFn) {
        if let Some(block) = &it.default {
            self.add(&it.sig, block);
        }
        visit::visit_trait_item_fn(self, it);
    }
}

fn functions(source: &Source) -> Vec<Function> {
    let mut found = Functions::default();
    found.visit_file(&source.file);
    found.0
}

/// No function is longer than a screen.
pub fn functions_fit(source: &Source) -> Vec<Fault> {
    functions(source)
        .into_iter()
        .filter(|it| it.lines > FUNCTION_LINES_MAX)
        .map(|it| source.fault(it.line, format!("`{}` has {} lines", it.name, it.lines)))
        .collect()
}

/// Nine functions in ten are short, over the whole tree.
pub fn nine_in_ten(sources: &[Source]) -> Vec<Fault> {
    let mut lengths: Vec<usize> = sources
        .iter()
        .flat_map(|it| functions(it).into_iter().map(|f| f.lines))
        .collect();
    lengths.sort_unstable();
    let at = lengths.len() * 9 / 10;
    match (lengths.get(at), sources.first()) {
        (Some(lines), Some(first)) if *lines > FUNCTION_LINES_P90_MAX => {
            vec![first.fault(1, format!("the ninth function in ten has {lines} lines"))]
        }
        _ => Vec::new(),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        Item::Const(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        _ => &[],
    }
}

/// A file without its tests is at most so long.
pub fn files_fit(source: &Source) -> Vec<Fault> {
    let tested: usize = source
        .file
        .items
        .iter()
        .filter(|it| is_test(attributes(it)))
        .map(|it| it.span().end().line + 1 - it.span().start().line)
        .sum();
    let lines = source.text.lines().count().saturating_sub(tested);
    if lines > FILE_LINES_MAX {
        return vec![source.fault(1, format!("{lines} lines without tests"))];
    }
    Vec::new()
}

/// Every file opens with what it is for.
pub fn module_docs(source: &Source) -> Vec<Fault> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![source.fault(1, "the file does not open with `//!`")]
}

/// Walks public items; holds either their faults or their names.
struct Items<'a> {
    source: &'a Source,
    faults: Vec<Fault>,
}

impl Items<'_> {
    fn wants_doc(&mut self, vis: &Visibility, attrs: &[Attribute], name: &syn::Ident) {
        if is_public(vis) && !has_doc(attrs) && !is_test(attrs) {
            let line = name.span().start().line;
            self.faults.push(
                self.source
                    .fault(line, format!("`{name}` is public without a doc")),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Items<'_> {
    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        if !is_test(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Fn(it) => self.wants_doc(&it.vis, &it.attrs, &it.sig.ident),
            Item::Struct(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            Item::Enum(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            Item::Trait(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            Item::Type(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            Item::Const(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            Item::Static(it) => self.wants_doc(&it.vis, &it.attrs, &it.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.wants_doc(&it.vis, &it.attrs, &it.sig.ident);
    }
}

/// Every public item says what it means.
pub fn public_docs(source: &Source) -> Vec<Fault> {
    let mut items = Items {
        source,
        faults: Vec::new(),
    };
    items.visit_file(&source.file);
    items.faults
}

struct Names(Vec<(String, usize)>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item_struct(&mut self, it: &'ast syn::ItemStruct) {
        self.0
            .push((it.ident.to_string(), it.ident.span().start().line));
    }

    fn visit_item_enum(&mut self, it: &'ast syn::ItemEnum) {
        self.0
            .push((it.ident.to_string(), it.ident.span().start().line));
    }

    fn visit_item_trait(&mut self, it: &'ast syn::ItemTrait) {
        self.0
            .push((it.ident.to_string(), it.ident.span().start().line));
    }
}

/// A type is named after a thing of the field, not after its vagueness.
pub fn no_vague_names(source: &Source) -> Vec<Fault> {
    let mut names = Names(Vec::new());
    names.visit_file(&source.file);
    names
        .0
        .into_iter()
        .filter(|(name, _)| VAGUE.iter().any(|word| name.ends_with(word)))
        .map(|(name, line)| source.fault(line, format!("`{name}` says nothing")))
        .collect()
}
