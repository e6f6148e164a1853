// The phone page: shows one phone's chat and the switch of the clinic's line.
// Messages get into the page as text nodes only, never as markup.
(function () {
  'use strict';

  var SVG = 'http://www.w3.org/2000/svg';
  var current = null;
  var phones = [];
  var shown = new Map();
  var tabs = new Map();
  var loading = false;
  var again = false;
  var sheetOpener = null;
  // Whether the newest message is in view, so that the next one shall be too.
  var atEnd = true;

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
    var answer = await fetch('/simulator' + path, options).catch(function () {
      throw new Error('the demo does not answer. Is it still running?');
    });
    var json = await answer.json().catch(function () { return {}; });
    if (!answer.ok) { throw new Error(json.error || 'the simulator answered ' + answer.status); }
    return json;
  }

  function say(fault) {
    by('fault').hidden = !fault;
    put(by('fault'), fault ? 'That did not work: ' + fault.message : '');
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
    if (!up) { by('deaf').checked = !line.webhooks; }
    by('line').classList.toggle('cut', !up);
    put(by('line-state'), up ? 'The clinic’s line works.'
      : line.webhooks ? 'The line is cut: what you write still gets in, but no reply can leave. The replies wait.'
        : 'The line is cut: nothing gets in or out.');
    var count = waiting || 0;
    by('waiting').hidden = count === 0;
    var words = count === 1 ? '1 reply waits at the clinic' : count + ' replies wait at the clinic';
    put(by('waiting'), words);
    // Said again where the eye is; the screen reader has it from above.
    var late = up ? 'The line is back: ' + words + '.' : 'The clinic’s line is cut. ' +
      (count ? words + ' until it is back.'
        : line.webhooks ? 'What you write still gets in; replies will wait.' : 'What you write waits at WhatsApp.');
    by('held').hidden = up && count === 0;
    by('held').classList.toggle('back', up);
    put(by('held'), late);
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

  // A tab stays the same button: focus and a press under way stay on it.
  function showPhones() {
    var numbers = phones.map(function (phone) { return phone.number; });
    tabs.forEach(function (known, number) {
      if (numbers.indexOf(number) < 0) { known.tab.remove(); tabs.delete(number); }
    });
    phones.forEach(function (phone) {
      var known = tabs.get(phone.number) || newTab(phone.number);
      var chosen = phone.number === current;
      var state = JSON.stringify([phone.name, label(phone), phone.online, chosen, !chosen && phone.unread]);
      if (known.state === state) { return; }
      known.state = state;
      known.tab.setAttribute('aria-selected', String(chosen));
      known.tab.tabIndex = chosen ? 0 : -1;
      known.tab.textContent = '';
      known.tab.appendChild(make('strong', '', phone.name));
      known.tab.appendChild(make('small', '', label(phone) + (phone.online ? '' : ' · off')));
      if (phone.unread && !chosen) {
        var badge = make('span', 'badge', phone.unread);
        badge.appendChild(make('span', 'out', ' unread'));
        known.tab.appendChild(badge);
      }
    });
  }

  function newTab(number) {
    var tab = make('button');
    tab.type = 'button';
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', 'chat');
    tab.addEventListener('click', function () { choose(number); });
    by('phones').appendChild(tab);
    var known = { tab: tab, state: '' };
    tabs.set(number, known);
    return known;
  }

  function choose(number) {
    var focused = by('phones').contains(document.activeElement);
    current = number;
    shown.clear();
    by('bubbles').textContent = '';
    by('shade').hidden = true;
    sheetOpener = null;
    try { sessionStorage.setItem('phone', number); } catch (refused) { /* private window */ }
    showPhones();
    var tab = tabs.get(number).tab;
    tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (focused) { tab.focus(); }
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
    meta.setAttribute('aria-live', 'off');
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

  // Everything of a message but its ticks.
  function wordsOf(message) {
    return JSON.stringify(Object.assign({}, message, { ticks: null }));
  }

  // Changes only what differs, so that focus and a reader's place stay, and each
  // message is read out once.
  function showChat(messages) {
    var list = by('bubbles');
    var scroll = by('scroll');
    var follow = atEnd;
    var texts = new Map(messages.map(function (m) { return [m.id, m.text]; }));
    shown.forEach(function (known, id) {
      if (!texts.has(id)) { known.node.remove(); shown.delete(id); }
    });
    messages.forEach(function (message, i) {
      var before = messages[i - 1];
      var turn = !before || before.direction !== message.direction;
      var words = wordsOf(message);
      var known = shown.get(message.id);
      if (known) {
        known.node.classList.toggle('turn', turn);
        if (known.words !== words) {
          var fresh = bubbleOf(message, texts.get(message.quoted), turn);
          known.node.querySelector('.bubble').replaceWith(fresh.querySelector('.bubble'));
        } else if (known.ticks !== message.ticks) {
          known.node.querySelector('.ticks').replaceWith(ticks(message));
        }
        known.words = words;
        known.ticks = message.ticks;
        return;
      }
      var node = bubbleOf(message, texts.get(message.quoted), turn);
      var next = before ? shown.get(before.id).node.nextSibling : list.firstChild;
      if (!before || dayOf(before.at_ms) !== dayOf(message.at_ms)) {
        list.insertBefore(make('li', 'day', dayOf(message.at_ms)), next);
      }
      list.insertBefore(node, next);
      shown.set(message.id, { words: words, ticks: message.ticks, node: node });
    });
    by('empty').hidden = messages.length > 0;
    if (follow) { scroll.scrollTop = scroll.scrollHeight; }
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
      // Taken at once: a second Enter, or words typed meanwhile, are the next.
      by('text').value = '';
      grow();
      guarded(function () {
        return send({ text: text }).catch(function (fault) {
          if (!by('text').value) { by('text').value = text; grow(); }
          throw fault;
        });
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
    new ResizeObserver(function () { if (atEnd) { by('scroll').scrollTop = by('scroll').scrollHeight; } }).observe(by('scroll'));
    by('scroll').addEventListener('scroll', function () {
      var scroll = by('scroll');
      atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    });
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
