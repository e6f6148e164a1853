// The phone page: shows one phone's chat and the switch of the clinic's line.
// Messages get into the page as text nodes only, never as markup.
(function () {
  'use strict';

  var SVG = 'http://www.w3.org/2000/svg';
  var current = null;
  var phones = [];
  var shown = new Map();
  var order = '';
  var loading = false;
  var again = false;
  var sheetOpener = null;

  function by(id) { return document.getElementById(id); }

  function make(tag, className, text) {
    var node = document.createElement(tag);
    if (className) { node.className = className; }
    if (text !== undefined && text !== null) { node.textContent = text; }
    return node;
  }

  function picture(width, height, paths, className) {
    var svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    svg.setAttribute('width', width);
    svg.setAttribute('height', height);
    svg.setAttribute('aria-hidden', 'true');
    if (className) { svg.setAttribute('class', className); }
    paths.forEach(function (attributes) {
      var path = document.createElementNS(SVG, 'path');
      Object.keys(attributes).forEach(function (name) { path.setAttribute(name, attributes[name]); });
      svg.appendChild(path);
    });
    return svg;
  }

  async function ask(path, body) {
    var options = body === undefined ? {} : {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    };
    var answer = await fetch('/simulator' + path, options);
    var json = await answer.json().catch(function () { return {}; });
    if (!answer.ok) { throw new Error(json.error || 'the simulator answered ' + answer.status); }
    return json;
  }

  function say(fault) {
    by('fault').hidden = !fault;
    by('fault').textContent = fault ? 'That did not work: ' + fault.message : '';
  }

  function guarded(act) {
    return function () {
      return Promise.resolve(act.apply(null, arguments)).then(function () { say(null); }, say);
    };
  }

  // ---- the line and what waits behind it

  function showLine(line, waiting) {
    var up = line.up;
    by('switch').setAttribute('aria-checked', String(!up));
    by('line').classList.toggle('cut', !up);
    put(by('line-state'), up ? 'The clinic’s line works.'
      : line.webhooks ? 'The line is cut: what you write still gets in, but no reply can leave. The replies wait.'
        : 'The line is cut: nothing gets in or out.');
    var count = waiting || 0;
    by('waiting').hidden = count === 0;
    put(by('waiting'), count === 1 ? '1 reply waits at the clinic' : count + ' replies wait at the clinic');
  }

  // Writes only what differs, so that a screen reader is not told twice.
  function put(node, text) {
    if (node.textContent !== text) { node.textContent = text; }
  }

  async function loadLine() {
    var both = await Promise.all([ask('/line'), ask('/waiting')]);
    showLine(both[0], both[1].waiting);
  }

  // ---- the phones

  function label(phone) {
    if (phone.hidden) { return phone.username ? '@' + phone.username : 'number hidden'; }
    return '+' + phone.number;
  }

  function showPhones() {
    var tabs = by('phones');
    var focused = tabs.contains(document.activeElement);
    tabs.textContent = '';
    phones.forEach(function (phone) {
      var tab = make('button');
      var chosen = phone.number === current;
      tab.type = 'button';
      tab.setAttribute('role', 'tab');
      tab.setAttribute('aria-selected', String(chosen));
      tab.setAttribute('aria-controls', 'chat');
      tab.tabIndex = chosen ? 0 : -1;
      tab.appendChild(make('strong', '', phone.name));
      tab.appendChild(make('small', '', label(phone) + (phone.online ? '' : ' · off')));
      if (phone.unread && !chosen) {
        var badge = make('span', 'badge', phone.unread);
        badge.appendChild(make('span', 'out', ' unread'));
        tab.appendChild(badge);
      }
      tab.addEventListener('click', function () { choose(phone.number); });
      tabs.appendChild(tab);
      if (chosen && focused) { tab.focus(); }
    });
  }

  function choose(number) {
    current = number;
    shown.clear();
    order = '';
    by('bubbles').textContent = '';
    try { sessionStorage.setItem('phone', number); } catch (refused) { /* private window */ }
    showPhones();
    load();
  }

  function stepTab(event) {
    var keys = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    var step = keys[event.key];
    if (!step || phones.length === 0) { return; }
    event.preventDefault();
    var at = phones.findIndex(function (phone) { return phone.number === current; });
    choose(phones[(at + step + phones.length) % phones.length].number);
  }

  async function addPhone(hidden) {
    var count = phones.filter(function (phone) { return phone.hidden; }).length + 1;
    var body = hidden ? { bsuid_only: true, username: 'patient.' + count, name: 'Hidden number ' + count } : {};
    var phone = await ask('/phones', body);
    phones.push(phone);
    choose(phone.number);
    by('text').focus();
  }

  // ---- the chat

  function clockOf(ms) {
    return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  }

  function dayOf(ms) {
    var day = new Date(ms);
    var today = new Date();
    if (day.toDateString() === today.toDateString()) { return 'Today'; }
    return day.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
  }

  var TICK = 'M1 6.5l3.5 3.5L11 2.5';
  var SECOND = 'M7 9.2l.8.8L14.5 2.5';

  function ticks(message) {
    var words = {
      sent: message.direction === 'to_clinic' ? 'sent, not yet at the clinic' : 'sent',
      delivered: message.direction === 'to_clinic' ? 'the clinic has it' : 'delivered',
      read: 'read', failed: 'failed'
    };
    var box = make('span', 'ticks ' + message.ticks);
    box.title = words[message.ticks];
    var paths = message.ticks === 'sent' ? [TICK] : [TICK, SECOND];
    if (message.ticks === 'failed') {
      box.appendChild(make('span', '', '!'));
    } else {
      box.appendChild(picture(16, 12, paths.map(function (d) {
        return { d: d, fill: 'none', stroke: 'currentColor', 'stroke-width': '1.8', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };
      })));
    }
    box.appendChild(make('span', 'out', words[message.ticks]));
    return box;
  }

  function contents(message) {
    var notes = {
      sticker: 'Sticker', location: 'A place', own_number: 'My phone number', form: 'Form sent',
      revoked: 'You deleted this message', unsupported: 'Something WhatsApp can’t carry', contact: 'Contact', document: 'Document'
    };
    var box = document.createDocumentFragment();
    if (message.kind === 'voice') {
      var note = make('div', 'voice');
      note.appendChild(picture(24, 24, [{ d: 'M7 4l13 8-13 8z', fill: 'currentColor' }]));
      note.appendChild(picture(110, 22, [{
        d: 'M3 9v4M9 6v10M15 8v6M21 3v16M27 7v8M33 5v12M39 9v4M45 4v14M51 8v6M57 6v10M63 9v4M69 3v16M75 7v8M81 9v4M87 5v12M93 8v6M99 7v8M105 9v4',
        stroke: 'currentColor', 'stroke-width': '2.4', 'stroke-linecap': 'round'
      }]));
      note.appendChild(make('span', '', '0:07'));
      note.appendChild(make('span', 'out', 'Voice note'));
      box.appendChild(note);
      return box;
    }
    if (message.kind === 'image') {
      box.appendChild(picture(220, 124, [
        { d: 'M0 0h220v124H0z', fill: '#bfe0ea' },
        { d: 'M172 30m-15 0a15 15 0 1 0 30 0a15 15 0 1 0-30 0', fill: '#ffd877' },
        { d: 'M0 124L62 50l44 52 30-30 84 52z', fill: '#4f8f7b' }
      ], 'picture'));
      box.appendChild(make('span', 'out', 'Photo'));
    }
    var text = message.text || '';
    if (notes[message.kind]) {
      box.appendChild(make('p', 'words note', notes[message.kind] + (text ? ': ' + text : '')));
    } else if (text) {
      var words = make('p', 'words', text);
      words.dir = 'auto';
      box.appendChild(words);
    }
    return box;
  }

  function tappable(message) {
    var box = make('div', 'taps');
    (message.buttons || []).forEach(function (tap) {
      var button = make('button', '', tap.title);
      button.type = 'button';
      button.addEventListener('click', guarded(function () { return send({ button: tap.id }); }));
      box.appendChild(button);
    });
    if (message.list) {
      var open = make('button', '', '☰  ' + message.list.open);
      open.type = 'button';
      open.setAttribute('aria-haspopup', 'dialog');
      open.addEventListener('click', function () { openSheet(message.list, open); });
      box.appendChild(open);
    }
    if (message.kind === 'contact_request') {
      var share = make('button', '', 'Share my phone number');
      share.type = 'button';
      share.addEventListener('click', guarded(function () { return send({ own_number: true, reply_to: message.id }); }));
      box.appendChild(share);
    }
    return box.childNodes.length ? box : null;
  }

  function bubbleOf(message, quoted, turn) {
    var mine = message.direction === 'to_clinic';
    var item = make('li', 'item' + (mine ? ' mine' : '') + (turn ? ' turn' : ''));
    var bubble = make('div', 'bubble');
    bubble.appendChild(make('span', 'out', mine ? 'You: ' : 'Clinic: '));
    if (quoted && message.kind !== 'tap') { bubble.appendChild(make('p', 'quote', quoted)); }
    bubble.appendChild(contents(message));
    var meta = make('div', 'meta');
    if (message.edited) { meta.appendChild(make('span', '', 'edited')); }
    var time = make('time', '', clockOf(message.at_ms));
    time.dateTime = message.time;
    meta.appendChild(time);
    meta.appendChild(ticks(message));
    bubble.appendChild(meta);
    if (message.reaction) { bubble.appendChild(make('span', 'reaction', message.reaction)); }
    item.appendChild(bubble);
    var taps = tappable(message);
    if (taps) { item.appendChild(taps); }
    return item;
  }

  // Keeps bubbles that did not change, so that focus and a reader's place stay.
  function showChat(messages) {
    var list = by('bubbles');
    var scroll = by('scroll');
    var atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    var texts = new Map(messages.map(function (m) { return [m.id, m.text]; }));
    var newOrder = messages.map(function (m) { return m.id; }).join(' ');
    if (!newOrder.startsWith(order)) { list.textContent = ''; shown.clear(); }
    order = newOrder;
    messages.forEach(function (message, i) {
      var state = JSON.stringify(message);
      var known = shown.get(message.id);
      if (known && known.state === state) { return; }
      var before = messages[i - 1];
      var turn = !before || before.direction !== message.direction;
      var node = bubbleOf(message, texts.get(message.quoted), turn);
      if (known) {
        known.node.querySelector('.bubble').replaceWith(node.querySelector('.bubble'));
        known.state = state;
        return;
      }
      if (!before || dayOf(before.at_ms) !== dayOf(message.at_ms)) {
        list.appendChild(make('li', 'day', dayOf(message.at_ms)));
      }
      list.appendChild(node);
      shown.set(message.id, { state: state, node: node });
    });
    by('empty').hidden = messages.length > 0;
    if (atEnd) { scroll.scrollTop = scroll.scrollHeight; }
  }

  function showPresence(phone) {
    var off = !phone.online;
    by('power').setAttribute('aria-pressed', String(off));
    put(by('presence'), off ? 'this phone is off' : phone.typing ? 'typing…' : 'on WhatsApp (simulated)');
  }

  function send(what) {
    return ask('/phones/' + encodeURIComponent(current) + '/messages', what).then(function () {
      by('scroll').scrollTop = by('scroll').scrollHeight;
      return load();
    });
  }

  // One load at a time; what changes meanwhile is loaded after it.
  async function load() {
    if (loading) { again = true; return; }
    loading = true;
    try {
      do {
        again = false;
        await loadOnce();
      } while (again);
      say(null);
    } catch (fault) {
      say(fault);
    } finally {
      loading = false;
    }
  }

  async function loadOnce() {
    phones = (await ask('/phones')).phones;
    if (phones.length === 0) { phones = [await ask('/phones', { name: 'Amina' })]; }
    var phone = phones.find(function (one) { return one.number === current; });
    if (!phone) { phone = phones[0]; current = phone.number; }
    showPhones();
    showPresence(phone);
    await loadLine();
    var path = '/phones/' + encodeURIComponent(phone.number);
    var messages = await ask(path + '/messages');
    if (phone.number !== current) { again = true; return; }
    showChat(messages);
    if (phone.unread && phone.online && !document.hidden) { await ask(path, { seen: true }); }
  }

  // ---- the sheet of a list

  function openSheet(list, opener) {
    sheetOpener = opener;
    by('sheet-title').textContent = list.open;
    var rows = by('rows');
    rows.textContent = '';
    list.rows.forEach(function (row) {
      var item = make('li');
      var button = make('button', '', row.title);
      button.type = 'button';
      if (row.description) { button.appendChild(make('small', '', row.description)); }
      button.addEventListener('click', guarded(function () { closeSheet(); return send({ button: row.id }); }));
      item.appendChild(button);
      rows.appendChild(item);
    });
    by('shade').hidden = false;
    rows.querySelector('button').focus();
  }

  function closeSheet() {
    by('shade').hidden = true;
    if (sheetOpener) { sheetOpener.focus(); sheetOpener = null; }
  }

  function keepFocusInSheet(event) {
    if (event.key === 'Escape') { closeSheet(); return; }
    if (event.key !== 'Tab') { return; }
    var buttons = by('sheet').querySelectorAll('button');
    var last = buttons[buttons.length - 1];
    if (event.shiftKey && document.activeElement === buttons[0]) { event.preventDefault(); last.focus(); }
    if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); buttons[0].focus(); }
  }

  // ---- beginnings

  function grow() {
    var box = by('text');
    box.style.height = 'auto';
    box.style.height = Math.min(box.scrollHeight + 2, 130) + 'px';
  }

  function tick() {
    var now = new Date();
    by('clock').dateTime = now.toISOString();
    put(by('clock'), now.toLocaleDateString([], { weekday: 'short' }) + ' ' + clockOf(now.getTime()));
  }

  function wire() {
    by('write').addEventListener('submit', function (event) {
      event.preventDefault();
      var text = by('text').value;
      if (!text.trim()) { return; }
      guarded(function () {
        return send({ text: text }).then(function () { by('text').value = ''; grow(); });
      })();
      by('text').focus();
    });
    by('text').addEventListener('input', grow);
    by('text').addEventListener('keydown', function (event) {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        by('send').click();
      }
    });
    by('voice').addEventListener('click', guarded(function () { return send({ voice: true }); }));
    by('photo').addEventListener('click', guarded(function () { return send({ image: true }); }));
    by('add').addEventListener('click', guarded(function () { return addPhone(false); }));
    by('add-hidden').addEventListener('click', guarded(function () { return addPhone(true); }));
    by('phones').addEventListener('keydown', stepTab);
    by('switch').addEventListener('click', guarded(function () {
      var cut = by('switch').getAttribute('aria-checked') === 'true';
      return ask('/line', { up: cut, webhooks: !by('deaf').checked }).then(loadLine);
    }));
    by('deaf').addEventListener('change', guarded(function () {
      if (by('switch').getAttribute('aria-checked') !== 'true') { return null; }
      return ask('/line', { up: false, webhooks: !by('deaf').checked }).then(loadLine);
    }));
    by('power').addEventListener('click', guarded(function () {
      var off = by('power').getAttribute('aria-pressed') === 'true';
      return ask('/phones/' + encodeURIComponent(current), { online: off }).then(load);
    }));
    by('sheet-close').addEventListener('click', closeSheet);
    by('shade').addEventListener('click', function (event) { if (event.target === by('shade')) { closeSheet(); } });
    by('sheet').addEventListener('keydown', keepFocusInSheet);
    document.addEventListener('visibilitychange', load);
  }

  try { current = sessionStorage.getItem('phone'); } catch (refused) { current = null; }
  wire();
  tick();
  setInterval(tick, 1000);
  load();
  var events = new EventSource('/simulator/events');
  events.addEventListener('changed', load);
  events.addEventListener('open', load);
  setInterval(function () { if (!document.hidden) { loadLine().catch(say); } }, 2000);
}());
