// Keeps the page current without a reload. Without JavaScript the page is
// complete all the same; it only has to be reloaded by hand.
(function () {
  "use strict";
  var main = document.querySelector("[data-live]");
  if (!main || !window.fetch) { return; }

  var bar = document.getElementById("stale");
  var current = new Date();
  var missed = 0;

  // What is being selected stays as it is until that is over.
  function selected(node) {
    var selection = window.getSelection();
    return selection && String(selection).length > 0 && selection.containsNode(node, true);
  }

  // A page that stopped moving must not pass for the present.
  function tell() {
    var words = missed < 2 ? "" :
      "Not current since " + current.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) +
      ": the box does not answer. It is asked again and again.";
    if (bar.textContent !== words) { bar.textContent = words; }
    bar.hidden = !words;
  }

  // Changes what differs and leaves the rest in its place, so that the reader's
  // focus and a screen reader's voice stay where they are.
  function update(old, fresh) {
    if (old.isEqualNode(fresh)) { return; }
    if ((old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== fresh.nodeName) && selected(old)) { return; }
    if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) { old.data = fresh.data; return; }
    if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) { old.replaceWith(fresh); return; }
    Array.from(old.attributes).forEach(function (it) { if (!fresh.hasAttribute(it.name)) { old.removeAttribute(it.name); } });
    Array.from(fresh.attributes).forEach(function (it) { if (old.getAttribute(it.name) !== it.value) { old.setAttribute(it.name, it.value); } });
    var had = Array.from(old.childNodes);
    var has = Array.from(fresh.childNodes);
    has.forEach(function (child, at) {
      if (had[at]) { update(had[at], child); } else { old.appendChild(child); }
    });
    had.slice(has.length).forEach(function (child) { if (!selected(child)) { child.remove(); } });
  }

  // A new row moves the others: the focus goes on with its own link.
  function show(fresh) {
    var before = document.activeElement;
    var href = main.contains(before) && before.getAttribute("href");
    update(main, fresh);
    if (!href || (document.activeElement === before && before.getAttribute("href") === href)) { return; }
    var again = Array.from(main.querySelectorAll("a")).find(function (link) { return link.getAttribute("href") === href; });
    if (again) { again.focus({ preventScroll: true }); }
  }

  function refresh() {
    if (document.hidden) { return; }
    fetch(location.href, { headers: { "X-Live": "1" } }).then(function (answer) {
      if (!answer.ok) { throw new Error("not now"); }
      return answer.text();
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-live]");
      if (!fresh) { throw new Error("no page"); }
      missed = 0;
      current = new Date();
      tell();
      show(document.importNode(fresh, true));
    }).catch(function () {
      missed += 1;
      tell();
    });
  }
  setInterval(refresh, 2000);
}());
