
'use strict';
// The key lives in `reader` and nowhere else: no storage, no address, no snippet ever holds it.
(function () {
  const $ = (id) => document.getElementById(id);
  const here = location.pathname.replace(/\/+$/, '').replace(/\/docs$/, '');
  const root = here.replace(/\/deployment\/[^/]*$/, '');
  const finished = ['COMPLETED', 'ERROR', 'STOPPED'];
  let reader = {};
  let doc = null;
  let call = null;

  function make(name, text, attributes) {
    const element = document.createElement(name);
    if (text !== undefined && text !== null) element.textContent = text;
    Object.entries(attributes || {}).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  }
  function rows(table, all) {
    const body = table.tBodies[0];
    body.replaceChildren(...all.map((cells) => {
      const row = make('tr');
      cells.forEach((cell, index) => {
        const place = index === 0 ? make('th', null, { scope: 'row' }) : make('td');
        if (index === 0 && cell !== '') place.append(make('code', cell)); else place.textContent = cell;
        row.append(place);
      });
      return row;
    }));
  }
  const plain = (text) => (text || '').replace(/`/g, '');
  const pretty = (value) => JSON.stringify(value, null, 2);

  // ── asking the server ──
  function headers() {
    const sent = {};
    if (reader.key) sent.Authorization = 'Bearer ' + reader.key;
    if (reader.organization) sent['X-Organization-Id'] = reader.organization;
    return sent;
  }
  // A key that a header cannot carry is wrong before it is sent.
  const canBeKey = (key) => /^[\x21-\x7e]{1,512}$/.test(key);
  async function ask(address, options) {
    const settings = Object.assign({ cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer' }, options);
    settings.headers = Object.assign(headers(), settings.headers);
    // A key alone says who asks: where there is one, no cookie is sent beside it.
    settings.credentials = reader.key ? 'omit' : 'same-origin';
    const response = await fetch(address, settings);
    const text = await response.text();
    let body = text;
    try { body = JSON.parse(text); } catch (error) { /* told as it came */ }
    return { response, body };
  }

  // ── the door ──
  const reasons = {
    invalid_credential: 'This key is not right. Check that all of it was copied, from unst_ to its end.',
    missing_credential: 'Nobody is logged in here. Log in first, or enter a key.',
    not_found: 'This is not a key of this API, or there is no such API. A key opens the address that it was made for.',
    deployment_key_required: 'This is a key of another kind. Enter a key of this API; it begins with unst_.',
    key_revoked: 'This key was withdrawn. Ask for a new one.',
    key_expired: 'The time of this key is over. Ask for a new one.',
    key_inactive: 'This key is switched off. Whoever gave it to you can switch it on.',
    deployment_inactive: 'The key is right, but the API is switched off.',
    ip_not_allowed: 'The key is right, but may not be used from your network.',
  };
  function refuse(body, response) {
    const code = body && body.code;
    const box = make('div', null, { class: 'problem' });
    box.append(make('strong', reasons[code] || (body && body.detail) || 'The server answered ' + response.status + '.'));
    const after = response && response.headers.get('retry-after');
    if (after) box.append(make('p', 'Try again in ' + after + ' seconds.'));
    if (code) box.append(make('p', code + (body.request_id ? ', request ' + body.request_id : '')));
    $('told').replaceChildren(box);
  }
  async function open() {
    $('told').replaceChildren();
    try {
      const { response, body } = await ask(here + '/openapi.json');
      if (response.ok) { show(body); return; }
      if (body.code === 'organization_required') { await offerOrganizations(); return; }
      refuse(body, response);
    } catch (error) {
      refuse({ detail: 'The server cannot be reached.' });
    }
    reader = {};
    $('key').focus();
  }
  async function offerOrganizations() {
    const { body } = await ask(root + '/v1/organizations');
    const items = Array.isArray(body) ? body : body.items || body.organizations || [];
    $('organization').replaceChildren(...items.map((one) => make('option', one.name || one.slug, { value: one.slug })));
    $('organizations').hidden = false;
    $('organization').focus();
  }
  $('door-form').addEventListener('submit', (event) => {
    event.preventDefault();
    reader = { key: $('key').value.trim() };
    $('key').value = '';
    if (!canBeKey(reader.key)) { reader = {}; refuse({ code: 'invalid_credential' }); return; }
    open();
  });
  $('session').addEventListener('click', () => { reader = {}; open(); });
  $('choose').addEventListener('click', () => { reader = { organization: $('organization').value }; open(); });
  $('forget').addEventListener('click', () => { reader = {}; location.reload(); });

  // ── what is shown ──
  function typeOf(schema) {
    if (!schema || typeof schema !== 'object') return 'any';
    if (schema.enum) return 'one of ' + schema.enum.map((one) => JSON.stringify(one)).join(', ');
    if ('const' in schema) return JSON.stringify(schema.const);
    const type = Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type;
    return (type || (schema.properties ? 'object' : 'any')) + (schema.format ? ' (' + schema.format + ')' : '');
  }
  function resolve(schema) {
    for (let turn = 0; turn < 8 && schema && typeof schema.$ref === 'string' && schema.$ref.startsWith('#/'); turn += 1) {
      schema = schema.$ref.slice(2).split('/')
        .reduce((at, name) => (at ? at[decodeURIComponent(name).replace(/~1/g, '/').replace(/~0/g, '~')] : at), doc);
    }
    return schema;
  }
  const isOwn = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
  function showRequest(own) {
    const schemas = doc.components.schemas;
    const parameters = Object.keys(own.default_parameters).length ? ' Unless told: ' + JSON.stringify(own.default_parameters) : '';
    const told = { input_data: 'The input.', parameters: 'Parameters of the workflow, over the API’s own.' + parameters,
      timeout: plain(schemas.Request.properties.timeout.description) };
    rows($('members'), Object.entries(schemas.Request.properties).map(([name, member]) =>
      [name, name === 'input_data' ? typeOf(resolve(member)) : typeOf(member), told[name] || plain(member.description)]));
    const input = resolve(schemas.Input) || {};
    const known = own.has_schema && typeof input === 'object' && input.properties ? Object.entries(input.properties) : [];
    if (known.length) {
      const table = make('table');
      const head = table.createTHead().insertRow();
      ['Member of the input', 'Type', 'Means'].forEach((text) => head.append(make('th', text, { scope: 'col' })));
      table.append(make('tbody'));
      const required = Array.isArray(input.required) ? input.required : [];
      rows(table, known.map(([name, member]) => {
        const one = resolve(member) || {};
        return [name, typeOf(one) + (required.includes(name) ? ', must be given' : ''), one.description || one.title || ''];
      }));
      const box = make('div', null, { class: 'scroll' });
      box.append(table);
      $('input').replaceChildren(box);
    }
    $('schema').hidden = !own.has_schema;
    $('schema').querySelector('pre').textContent = pretty(schemas.Input);
    const body = pretty({ input_data: own.has_example ? own.example_input : {} });
    $('no-example').hidden = own.has_example;
    $('example').hidden = !own.has_example;
    $('example').textContent = body;
    $('body').value = body;
  }
  function seconds(count) { return count + (count === 1 ? ' second' : ' seconds'); }
  function bytes(count) {
    const units = ['bytes', 'KiB', 'MiB', 'GiB'];
    let unit = 0;
    while (count >= 1024 && count % 1024 === 0 && unit < 3) { count /= 1024; unit += 1; }
    return count + ' ' + units[unit];
  }
  function showLimits(limits) {
    const all = [
      ['Calls a minute', limits.rate_limit_per_minute === null ? 'no limit of the API; your key may have one' : limits.rate_limit_per_minute + ', all keys together; your key may have a limit of its own'],
      ['Executions at once', limits.max_concurrent === null ? 'no bound' : String(limits.max_concurrent)],
      ['Body', 'at most ' + bytes(limits.max_body_bytes)],
      ['Time of an execution', 'at most ' + seconds(limits.timeout_seconds)],
      ['Wait of a request', 'at most ' + seconds(limits.max_wait_seconds)],
      ['Files', limits.max_file_bytes ? 'at most ' + bytes(limits.max_file_bytes) + ' each' : null],
      ['From where', limits.is_limited_to_networks ? 'certain networks only' : 'anywhere, unless your key says otherwise'],
      ['Results', limits.shared_results ? 'each key sees those of all keys' : 'each key sees its own'],
    ];
    $('limits').tBodies[0].replaceChildren(...all.filter(([, value]) => value).map(([name, value]) => {
      const row = make('tr');
      row.append(make('th', name, { scope: 'row' }), make('td', value));
      return row;
    }));
  }
  function show(document_) {
    doc = document_;
    const own = doc['x-keywright'];
    const [first] = Object.keys(doc.paths);
    const path = Object.keys(doc.paths).find((one) => doc.paths[one].post && doc.paths[one].post.operationId === 'execute') || first;
    const server = doc.servers[0].url.replace(/\/$/, '') || location.origin + root;
    call = { address: root + path, shown: server + path, path, operation: doc.paths[path].post };
    document.title = doc.info.title + ': how to call it';
    $('title').textContent = doc.info.title;
    $('inactive').hidden = own.is_active;
    $('description').replaceChildren(...doc.info.description.split('\n\n').map((text) => make('p', plain(text))));
    $('address').textContent = call.shown;
    $('authentication').textContent = 'Authorization: Bearer YOUR_KEY\nAuthorization: Api-Key YOUR_KEY\nApi-Key: YOUR_KEY';
    showRequest(own);
    showLimits(own.limits);
    rows($('answers'), Object.entries(call.operation.responses).map(([status, one]) => [status, plain(one.description)]));
    $('others').replaceChildren(...Object.entries(doc.paths).filter(([one]) => one !== path).flatMap(([one, item]) =>
      Object.entries(item).map(([verb, operation]) => {
        const line = make('li', operation.summary + ': ');
        line.append(make('code', verb.toUpperCase() + ' ' + server + one));
        return line;
      })));
    $('files-row').hidden = !isOwn(call.operation.requestBody.content, 'multipart/form-data');
    $('wait').max = own.limits.max_wait_seconds;
    $('try-key').hidden = Boolean(reader.key);
    showTabs();
    $('door').hidden = true;
    $('docs').hidden = false;
    $('forget').hidden = !reader.key;
    // Where the key stood in the address, the id takes its place.
    if (/\/deployment\/unst_/i.test(decodeURIComponent(here))) history.replaceState(null, '', root + '/deployment/' + own.deployment + '/docs/');
    $('title').focus();
  }

  // ── snippets ──
  function python(value, indent) {
    const pad = '    '.repeat(indent + 1);
    const end = '    '.repeat(indent);
    if (value === null) return 'None';
    if (value === true) return 'True';
    if (value === false) return 'False';
    if (Array.isArray(value)) return value.length ? '[\n' + value.map((one) => pad + python(one, indent + 1)).join(',\n') + ',\n' + end + ']' : '[]';
    if (typeof value === 'object') {
      const all = Object.entries(value);
      return all.length ? '{\n' + all.map(([name, one]) => pad + JSON.stringify(name) + ': ' + python(one, indent + 1)).join(',\n') + ',\n' + end + '}' : '{}';
    }
    return JSON.stringify(value);
  }
  const shift = (text, by) => text.replace(/\n/g, '\n' + by);
  function snippets() {
    const own = doc['x-keywright'];
    const body = { input_data: own.has_example ? own.example_input : {} };
    const address = call.shown + '?wait=10';
    const status = call.shown + 'status/';
    return {
      curl: "curl -s '" + address + "' \\\n  -H \"Authorization: Bearer $API_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d '" +
        JSON.stringify(body).replace(/'/g, "'\\''") + "'",
      Python: 'import os\nimport requests  # pip install requests\n\nanswer = requests.post(\n    ' + JSON.stringify(address) +
        ',\n    headers={"Authorization": "Bearer " + os.environ["API_KEY"]},\n    json=' + python(body, 1) +
        ',\n    timeout=60,\n)\nanswer.raise_for_status()\ncall = answer.json()\nwhile "result" not in call:  # it takes longer: ask until it has ended\n' +
        '    answer = requests.get(\n        ' + JSON.stringify(call.shown + 'result/') + ' + call["execution_id"] + "/",\n' +
        '        headers={"Authorization": "Bearer " + os.environ["API_KEY"]},\n        timeout=60,\n    )\n    answer.raise_for_status()\n    call = answer.json()\n' +
        '    if answer.status_code == 202:\n        requests.get(\n            ' + JSON.stringify(status) + ' + call["execution_id"] + "/?wait=30",\n' +
        '            headers={"Authorization": "Bearer " + os.environ["API_KEY"]},\n            timeout=60,\n        )\nprint(call["result"])',
      JavaScript: '// Node 18 or newer. Not in a browser: whoever opens the page would have your key.\n' +
        'const headers = { Authorization: `Bearer ${process.env.API_KEY}`, "Content-Type": "application/json" };\n' +
        'let answer = await fetch(' + JSON.stringify(address) + ', {\n  method: "POST",\n  headers,\n  body: JSON.stringify(' + shift(pretty(body), '  ') + '),\n});\n' +
        'let call = await answer.json();\nwhile (answer.status === 202) {  // it takes longer: ask until it has ended\n' +
        '  await fetch(`' + status + '${call.execution_id}/?wait=30`, { headers });\n' +
        '  answer = await fetch(`' + call.shown + 'result/${call.execution_id}/`, { headers });\n  call = await answer.json();\n}\n' +
        'if (!answer.ok) throw new Error(`${call.code}: ${call.detail}`);\nconsole.log(call.result);',
      Rust: '// cargo add reqwest --features blocking,json; cargo add serde_json\nuse serde_json::{Value, json};\n\n' +
        'fn main() -> Result<(), Box<dyn std::error::Error>> {\n    let key = std::env::var("API_KEY")?;\n    let client = reqwest::blocking::Client::new();\n' +
        '    let mut answer = client\n        .post(' + JSON.stringify(address) + ')\n        .bearer_auth(&key)\n        .json(&json!(' + shift(pretty(body), '        ') + '))\n' +
        '        .send()?;\n    let mut call: Value = loop {\n        let waits = answer.status() == 202;\n        let call: Value = answer.error_for_status()?.json()?;\n' +
        '        if !waits {\n            break call;\n        }\n        // It takes longer: ask until it has ended.\n        let id = call["execution_id"].as_str().unwrap_or_default();\n' +
        '        let status = format!("' + status + '{id}/?wait=20");\n        client.get(status).bearer_auth(&key).send()?;\n' +
        '        let result = format!("' + call.shown + 'result/{id}/");\n        answer = client.get(result).bearer_auth(&key).send()?;\n    };\n' +
        '    println!("{}", call["result"].take());\n    Ok(())\n}',
    };
  }
  function showTabs() {
    const all = snippets();
    const tabs = Object.keys(all).map((name) => {
      const tab = make('button', name, { type: 'button', role: 'tab', id: 'tab-' + name, 'aria-controls': 'snippet-panel' });
      tab.addEventListener('click', () => choose(tab));
      return tab;
    });
    function choose(chosen) {
      tabs.forEach((tab) => { tab.setAttribute('aria-selected', String(tab === chosen)); tab.tabIndex = tab === chosen ? 0 : -1; });
      $('snippet-panel').setAttribute('aria-labelledby', chosen.id);
      $('snippet').textContent = all[chosen.textContent];
      $('copy').textContent = 'Copy';
    }
    $('tabs').replaceChildren(...tabs);
    $('tabs').addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
    choose(tabs[0]);
  }
  $('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText($('snippet').textContent);
      $('copy').textContent = 'Copied';
    } catch (error) {
      getSelection().selectAllChildren($('snippet'));
      $('copy').textContent = 'Selected';
    }
  });
  $('download').addEventListener('click', () => {
    const link = make('a', null, { download: doc['x-keywright'].api_name + '.openapi.json' });
    link.href = URL.createObjectURL(new Blob([pretty(doc)], { type: 'application/json' }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  // ── try it ──
  const shownHeaders = ['ratelimit-policy', 'ratelimit', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset',
    'retry-after', 'idempotency-replayed', 'x-request-id'];
  let under = null;
  function state(text, kind) { $('state').textContent = text; $('state').className = kind || ''; }
  function showAnswer({ response, body }) {
    $('answer').hidden = false;
    $('headers').hidden = false;
    rows($('headers'), shownHeaders.filter((name) => response.headers.has(name)).map((name) => [name, response.headers.get(name)]));
    $('result').textContent = typeof body === 'string' ? body : pretty(body);
    state(response.status + (response.statusText ? ' ' + response.statusText : '') + (body && body.status && body.execution_id ? ', ' + body.status : ''), response.ok ? 'good' : 'bad');
  }
  function toSend() {
    const text = $('body').value;
    const files = $('files-row').hidden ? [] : Array.from($('files').files);
    const value = JSON.parse(text);
    if (!files.length) return { body: text, headers: { 'Content-Type': 'application/json' } };
    const form = new FormData();
    files.forEach((file) => form.append('files', file, file.name));
    const isEnvelope = value !== null && typeof value === 'object' && isOwn(value, 'input_data');
    form.append('input_data', JSON.stringify(isEnvelope ? value.input_data : value));
    if (isEnvelope && value.parameters) form.append('parameters', JSON.stringify(value.parameters));
    return { body: form };
  }
  async function follow(id, mine) {
    const of = (what) => call.address + what + '/' + id + '/';
    $('cancel').hidden = false;
    for (;;) {
      const asked = await ask(of('status') + '?wait=20');
      if (mine !== under) return;
      const after = Number(asked.response.headers.get('retry-after'));
      if (asked.response.status === 429 && after) {
        state('The limit is reached; asking again in ' + seconds(after), 'bad');
        await new Promise((done) => setTimeout(done, after * 1000));
        continue;
      }
      showAnswer(asked);
      if (!asked.response.ok) return;
      if (finished.includes(asked.body.status)) break;
      const progress = asked.body.progress || {};
      state(asked.body.status + ': ' + progress.steps_completed + ' of ' + progress.steps_total + ' steps done');
    }
    showAnswer(await ask(of('result')));
  }
  $('try-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const mine = {};
    under = mine;
    $('cancel').hidden = true;
    const late = $('late-key').value.trim();
    if (late) {
      reader = { key: late };
      $('late-key').value = '';
      $('try-key').hidden = true;
      $('forget').hidden = false;
    }
    $('answer').hidden = false;
    $('result').textContent = '';
    $('headers').hidden = true;
    if (!reader.key || !canBeKey(reader.key)) { state('Enter a key of this API first.', 'bad'); return; }
    let sent;
    try { sent = toSend(); } catch (error) { state('The body is not JSON: ' + error.message, 'bad'); $('body').focus(); return; }
    $('send').disabled = true;
    state('Sending…');
    try {
      const answered = await ask(call.address + '?wait=' + encodeURIComponent($('wait').value || 0), Object.assign({ method: 'POST' }, sent));
      if (mine !== under) return;
      showAnswer(answered);
      const id = answered.body && answered.body.execution_id;
      if (answered.response.status === 202 && id) {
        mine.id = id;
        await follow(id, mine);
      }
    } catch (error) {
      state('The server cannot be reached, or closed the connection.', 'bad');
    } finally {
      $('send').disabled = false;
      $('cancel').hidden = true;
    }
  });
  $('cancel').addEventListener('click', async () => {
    if (!under || !under.id) return;
    $('cancel').hidden = true;
    await ask(call.address + 'cancel/' + under.id + '/', { method: 'POST' });
  });
}());
