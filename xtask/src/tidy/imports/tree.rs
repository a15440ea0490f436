use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::shell::Failed;

/// A path as it is written, segment by segment.
pub(super) type Names = Vec<String>;

/// The modules of a crate; the first is its root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
}

#[derive(Debug, Default)]
pub(super) struct Module {
    /// Relative to the repository.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    defines: BTreeSet<String>,
    /// Imported paths, by their names in this module.
    imports: BTreeMap<String, Names>,
    globs: Vec<Names>,
    /// The paths that it uses, imported or not; without re-exports.
    pub(super) uses: Vec<Names>,
}

/// Reads a crate from its root file, without its tests.
pub(super) fn read(repository: &Path, root: &str) -> Result<Tree, Failed> {
    let mut tree = Tree::default();
    let folder = Path::new(root).parent().unwrap_or(Path::new("")).to_owned();
    tree.read(&|file| std::fs::read_to_string(repository.join(file)).ok(), root, &folder, None)?;
    Ok(tree)
}

impl Tree {
    /// Reads a module's file; `folder` is that of its child modules.
    fn read(
        &mut self,
        text: &impl Fn(&Path) -> Option<String>,
        file: &str,
        folder: &Path,
        parent: Option<usize>,
    ) -> Result<usize, Failed> {
        let source = text(Path::new(file)).ok_or_else(|| Failed(format!("{file} can't be read")))?;
        let parsed = syn::parse_file(&source).map_err(|error| Failed(format!("{file}: {error}")))?;
        self.add(text, file, folder, parent, &parsed.items)
    }

    fn add(
        &mut self,
        text: &impl Fn(&Path) -> Option<String>,
        file: &str,
        folder: &Path,
        parent: Option<usize>,
        items: &[Item],
    ) -> Result<usize, Failed> {
        let id = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        for item in items.iter().filter(|item| !attributes(item).iter().any(is_for_tests)) {
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                let below = folder.join(&name);
                let child = match &module.content {
                    Some((_, items)) => self.add(text, file, &below, Some(id), items)?,
                    None => {
                        let Some(at) = file_of(text, folder, &name) else { continue };
                        self.read(text, &at.to_string_lossy(), &below, Some(id))?
                    }
                };
                self.modules[id].children.insert(name, child);
                continue;
            }
            if let Some(name) = name(item) {
                self.modules[id].defines.insert(name);
            }
            self.modules[id].visit_item(item);
        }
        Ok(id)
    }

    /// The module that defines the item of a path as written in the module `from`; `None` if the path leads to another crate or
    /// nowhere.
    pub(super) fn resolve(&self, from: usize, names: &[String]) -> Option<usize> {
        self.walk(from, names, true, 0)
    }

    fn walk(&self, mut at: usize, names: &[String], is_start: bool, depth: usize) -> Option<usize> {
        // Imports that refer to each other in a loop lead nowhere.
        if depth > 16 {
            return None;
        }
        let (mut rest, mut is_start) = (names, is_start);
        while let Some((name, behind)) = rest.split_first() {
            let module = &self.modules[at];
            match name.as_str() {
                "crate" if is_start => at = 0,
                "self" if is_start => {}
                "super" => at = module.parent?,
                name => {
                    if let Some(child) = module.children.get(name) {
                        at = *child;
                    } else if module.defines.contains(name) {
                        return Some(at);
                    } else if let Some(path) = module.imports.get(name).filter(|path| path.as_slice() != names) {
                        let path: Names = path.iter().chain(behind).cloned().collect();
                        return self.walk(at, &path, true, depth + 1);
                    } else {
                        let mut globs = module.globs.iter();
                        return globs.find_map(|glob| {
                            let path: Names = glob.iter().chain(rest).cloned().collect();
                            self.walk(at, &path, true, depth + 1)
                        });
                    }
                }
            }
            // Behind the first `super`, another one may follow.
            is_start = is_start && name == "super";
            rest = behind;
        }
        // The path is that of a module; the paths below it count.
        None
    }

    /// Whether a module is below another one, or the same.
    pub(super) fn is_below(&self, module: usize, ancestor: usize) -> bool {
        std::iter::successors(Some(module), |at| self.modules[*at].parent).any(|at| at == ancestor)
    }
}

/// A crate of the given files, from its root.
#[cfg(test)]
pub(super) fn of(root: &str, files: &[(&str, &str)]) -> Tree {
    let files: BTreeMap<PathBuf, String> =
        files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
    let folder = Path::new(root).parent().unwrap().to_owned();
    let mut tree = Tree::default();
    assert!(tree.read(&|file| files.get(file).cloned(), root, &folder, None).is_ok());
    tree
}

impl Visit<'_> for Module {
    fn visit_item_use(&mut self, item: &ItemUse) {
        let is_handed_on = !matches!(item.vis, Visibility::Inherited);
        let mut prefix = Vec::new();
        self.import(&item.tree, &mut prefix, is_handed_on);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.uses.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_item(&mut self, item: &Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_impl_item_fn(self, item);
        }
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, prefix: &mut Names, is_handed_on: bool) {
        let add = |module: &mut Self, name: String, as_name: String| {
            let mut path = prefix.clone();
            if name != "self" {
                path.push(name);
            }
            // Re-exports of child modules do not count as uses.
            if !is_handed_on {
                module.uses.push(path.clone());
            }
            module.imports.insert(as_name, path);
        };
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.import(&path.tree, prefix, is_handed_on);
                prefix.pop();
            }
            UseTree::Name(name) if name.ident == "self" => {
                let last = prefix.last().cloned().unwrap_or_default();
                add(self, "self".into(), last);
            }
            UseTree::Name(name) => add(self, name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => add(self, rename.ident.to_string(), rename.rename.to_string()),
            UseTree::Glob(_) => self.globs.push(prefix.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix, is_handed_on)),
        }
    }
}

fn file_of(text: &impl Fn(&Path) -> Option<String>, folder: &Path, name: &str) -> Option<PathBuf> {
    let candidates = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    candidates.into_iter().find(|file| text(file).is_some())
}

/// `#[cfg(test)]`, `#[test]` and the like.
fn is_for_tests(attribute: &Attribute) -> bool {
    let is_cfg_test = attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test");
    is_cfg_test || attribute.path().segments.last().is_some_and(|last| last.ident == "test")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
