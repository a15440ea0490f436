//! The document: copies of the templates in `page/index.html`, and updates of their elements.

use std::cell::{Cell, RefCell};

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::{Element, HtmlElement, HtmlTemplateElement, ResizeObserver};

use crate::browser::{document, root};

/// A copy of the element in the template of this id.
pub(crate) fn template(id: &str) -> Element {
    let template: HtmlTemplateElement = document().get_element_by_id(id).unwrap_throw().unchecked_into();
    let content = template.content().first_element_child().unwrap_throw();
    content.clone_node_with_deep(true).unwrap_throw().unchecked_into()
}

/// The element of this selector, which must exist, as in a template.
pub(crate) fn find(within: &Element, selector: &str) -> HtmlElement {
    within.query_selector(selector).unwrap_throw().unwrap_throw().unchecked_into()
}

/// Creates an element of this kind.
pub(crate) fn new(kind: &str) -> Element {
    document().create_element(kind).unwrap_throw()
}

/// Appends a new element of this kind.
pub(crate) fn add(within: &Element, kind: &str) -> Element {
    let element = new(kind);
    let _ = within.append_child(&element);
    element
}

/// Shows this element and no other.
pub(crate) fn show_only(screen: &Element) {
    let body: HtmlElement = find(&root(), "body");
    while let Some(shown) = body.first_element_child().filter(|shown| !shown.is_instance_of::<HtmlTemplateElement>()) {
        shown.remove();
    }
    let _ = body.prepend_with_node_1(screen);
}

pub(crate) fn set(element: &Element, attribute: &str, value: &str) {
    let _ = element.set_attribute(attribute, value);
}

/// Sets or removes an attribute without a value.
pub(crate) fn switch(element: &Element, attribute: &str, on: bool) {
    let _ = element.toggle_attribute_with_force(attribute, on);
}

/// Sets the name that screen readers speak for an element.
pub(crate) fn label(within: &Element, selector: &str, words: &str) {
    set(&find(within, selector), "aria-label", words);
}

/// The text of an element. The document is changed only when the text changes.
pub(crate) struct Words {
    place: HtmlElement,
    now: RefCell<String>,
}

impl Words {
    /// An element that is empty.
    pub(crate) fn at(within: &Element, selector: &str) -> Self {
        Self { place: find(within, selector), now: RefCell::default() }
    }

    /// Shows a text; returns whether it is another one than before.
    pub(crate) fn show(&self, words: String) -> bool {
        let are_new = *self.now.borrow() != words;
        if are_new {
            self.place.set_text_content(Some(&words));
            *self.now.borrow_mut() = words;
        }
        are_new
    }
}

/// An attribute without a value. The document is changed only when it is set or removed.
pub(crate) struct Switch {
    element: HtmlElement,
    attribute: &'static str,
    now: Cell<bool>,
}

impl Switch {
    /// An attribute, and whether the template has it.
    pub(crate) fn at(within: &Element, selector: &str, attribute: &'static str, now: bool) -> Self {
        Self { element: find(within, selector), attribute, now: now.into() }
    }

    pub(crate) fn turn(&self, on: bool) {
        if self.now.replace(on) != on {
            switch(&self.element, self.attribute, on);
        }
    }
}

/// Watches the size of an element for as long as it is held.
pub(crate) struct Sizes {
    observer: ResizeObserver,
    _act: Closure<dyn FnMut()>,
}

impl Sizes {
    /// Calls `act` once, and whenever the size changes, before the change is painted.
    pub(crate) fn of(element: &Element, act: impl FnMut() + 'static) -> Option<Self> {
        let act = Closure::<dyn FnMut()>::new(act);
        let observer = ResizeObserver::new(act.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _act: act })
    }
}

impl Drop for Sizes {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
