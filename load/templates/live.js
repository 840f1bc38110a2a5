// The page of the queue: asks for the run's figures each second, and draws them.
(() => {
  "use strict";
  const EVERY_MS = 1000;
  const NONE = "—";
  const STATES = { waiting: "Waiting for the first look", sending: "Sending", draining: "Draining", settled: "Settled" };
  const PERCENTILES = ["p50", "p90", "p99", "p99.9", "max"];
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // ---- words for figures, as the report has them

  const three = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  const count = (value) => (value === null || value === undefined ? NONE : Math.round(value).toLocaleString("en"));
  const rate = (value) => (value === null || value === undefined ? "" : `${three(value)} /s`);

  function duration(ms) {
    if (ms === null || ms === undefined) return NONE;
    if (ms === 0) return "0 ms";
    if (ms < 1) return `${three(ms * 1000)} µs`;
    if (ms < 999.5) return `${three(ms)} ms`;
    if (ms < 120000) return `${three(ms / 1000)} s`;
    const hours = ms >= 7200000;
    const small = Math.round(ms / (hours ? 60000 : 1000));
    const rest = small % 60 ? ` ${small % 60} ${hours ? "min" : "s"}` : "";
    return `${Math.floor(small / 60)} ${hours ? "h" : "min"}${rest}`;
  }

  function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const two = (value) => String(value).padStart(2, "0");
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  function make(name, attributes, ...children) {
    const spaces = { svg: 1, g: 1, path: 1, line: 1, text: 1, circle: 1, rect: 1 };
    const node = spaces[name] ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  // ---- charts

  const CHARTS = [
    {
      title: "Backlog",
      stacked: true,
      say: count,
      lines: [
        { key: "in_flight", name: "in flight", tone: "amber" },
        { key: "visible", name: "waiting", tone: "blue" },
        { key: "delayed", name: "delayed", tone: "violet", optional: true },
      ],
    },
    {
      title: "Oldest age",
      scale: 1000,
      say: duration,
      time: true,
      lines: [{ key: "oldest_age_s", name: "oldest message that waits", tone: "rose", filled: true }],
    },
    {
      title: "Messages a second",
      say: (value) => (value === null ? NONE : three(value)),
      lines: [
        { key: "sent_per_s", name: "sent", tone: "blue" },
        { key: "processed_per_s", name: "processed", tone: "green" },
      ],
    },
    {
      title: "Latency",
      log: true,
      say: duration,
      lines: [
        { key: "end_to_end_p50_ms", name: "end to end p50", tone: "teal" },
        { key: "end_to_end_p99_ms", name: "end to end p99", tone: "amber" },
        { key: "send_p99_ms", name: "send p99", tone: "violet" },
      ],
    },
  ];
  const PAD = { left: 54, right: 8, top: 8, bottom: 20 };
  const HEIGHT = 190;
  let pointed = null; // the share of the width that the mouse is at, on all charts
  let last = null;

  const STEPS = [1, 2, 2.5, 5, 10];
  const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

  function ticks(top, most, ofTime) {
    if (ofTime) {
      const step = SECONDS.find((value) => (value * 1000 * most) >= top) || Math.ceil(top / 86400000 / most) * 86400;
      if (top > 1000) return upTo(top, step * 1000);
    }
    const raw = top / most;
    const size = 10 ** Math.floor(Math.log10(raw));
    return upTo(top, Math.max(STEPS.find((step) => step * size >= raw) * size, ofTime ? 0 : 0.1));
  }

  function upTo(top, step) {
    const values = [];
    for (let index = 0; index * step < top + step * 0.999; index += 1) values.push(index * step);
    return values;
  }

  function logTicks(low, high) {
    const from = Math.floor(Math.log10(low));
    const to = Math.ceil(Math.log10(high));
    const steps = to - from <= 2 ? [1, 2, 5] : [1];
    const values = [];
    for (let power = from; power <= to; power += 1) for (const step of steps) values.push(step * 10 ** power);
    const first = Math.max(0, values.findLastIndex((value) => value <= low));
    const end = values.findIndex((value) => value >= high);
    return values.slice(first, end < 0 ? values.length : end + 1);
  }

  // What most queues never have.
  const isLeftOut = ({ line, own }) => Boolean(line.optional) && own.every((value) => !value);

  class Chart {
    constructor(spec) {
      this.spec = spec;
      this.keys = spec.lines.map((line) => {
        const value = make("b");
        return { value, node: make("span", { class: `key ${line.tone}` }, `${line.name} `, value) };
      });
      this.svg = make("svg", { role: "img", "aria-label": `${spec.title} over time` });
      const caption = make("figcaption", {}, make("h2", {}, spec.title), ...this.keys.map((key) => key.node));
      this.node = make("figure", { class: "chart" }, caption, this.svg);
      this.svg.addEventListener("pointermove", (event) => {
        const box = this.svg.getBoundingClientRect();
        point((event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right));
      });
      this.svg.addEventListener("pointerleave", () => point(null));
    }

    draw(seen) {
      const { spec } = this;
      const at = seen.series.at_s;
      const width = this.svg.clientWidth;
      if (!width) return;
      const end = Math.max(10, at.length ? at[at.length - 1] : 0);
      const x = (seconds) => PAD.left + (seconds / end) * (width - PAD.left - PAD.right);
      const columns = this.columns(seen.series);
      const y = this.scaleOf(columns);
      const parts = [...this.grid(y, width), ...this.times(end, x, width)];
      if (seen.sending_ended_s !== null && at.length) parts.push(...ended(x(seen.sending_ended_s), width));
      columns.forEach((column, index) => {
        if (column.values.every((value) => value === null) || isLeftOut(column)) return;
        parts.push(...this.curve(column, index ? columns[index - 1] : null, at, x, y.to));
      });
      const index = pointed === null ? at.length - 1 : nearest(at, pointed * end);
      if (pointed !== null && at.length) parts.push(...this.cross(columns, at, index, x, y.to));
      this.svg.replaceChildren(...parts);
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.tell(columns, index);
    }

    columns(series) {
      const { scale = 1, stacked, lines } = this.spec;
      let below = null;
      return lines.map((line) => {
        const own = series[line.key].map((value) => (value === null ? null : value * scale));
        const values = stacked && below ? own.map((value, index) => (value || 0) + (below[index] || 0)) : own;
        below = values;
        return { line, own, values };
      });
    }

    scaleOf(columns) {
      const { log, time } = this.spec;
      const inner = HEIGHT - PAD.top - PAD.bottom;
      const values = columns.flatMap((column) => column.values).filter((value) => value !== null && (!log || value > 0));
      if (log) {
        const marks = values.length ? logTicks(Math.min(...values), Math.max(...values)) : [1, 10, 100, 1000];
        if (marks.length < 2) marks.push(marks[0] * 10);
        const [low, high] = [Math.log10(marks[0]), Math.log10(marks[marks.length - 1])];
        const share = (value) => (Math.log10(Math.max(value, marks[0])) - low) / (high - low);
        return { marks, to: (value) => PAD.top + inner * (1 - share(value)) };
      }
      const top = Math.max(time ? 1000 : 1, ...values);
      const marks = ticks(top, 4, time);
      return { marks, to: (value) => PAD.top + inner * (1 - value / marks[marks.length - 1]) };
    }

    grid(y, width) {
      return y.marks.flatMap((value) => [
        make("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y.to(value), y2: y.to(value) }),
        make("text", { x: PAD.left - 8, y: y.to(value) + 4, "text-anchor": "end" }, value ? this.spec.say(value) : "0"),
      ]);
    }

    times(end, x, width) {
      const most = Math.max(2, Math.floor(width / 90));
      const step = SECONDS.find((value) => value * most >= end) || Math.ceil(end / most / 86400) * 86400;
      const marks = [];
      for (let value = 0; value <= end; value += step) marks.push(value);
      return marks.map((value) =>
        make("text", { x: x(value), y: HEIGHT - 4, "text-anchor": value ? "middle" : "start" }, clock(value)),
      );
    }

    curve({ line, values }, below, at, x, to) {
      const parts = [];
      const { stacked } = this.spec;
      if (stacked || line.filled) {
        const floor = (index) => to(stacked && below ? below.values[index] || 0 : 0);
        const upper = values.map((value, index) => `${x(at[index]).toFixed(1)},${to(value || 0).toFixed(1)}`);
        const lower = values.map((_, index) => `${x(at[index]).toFixed(1)},${floor(index).toFixed(1)}`).reverse();
        parts.push(make("path", { class: `area ${line.tone}`, d: `M${[...upper, ...lower].join("L")}Z` }));
      }
      let path = "";
      let pen = "M";
      values.forEach((value, index) => {
        // Nothing was seen there: latencies are joined over a gap, so that a lone value is seen.
        if (value === null) return;
        path += `${pen}${x(at[index]).toFixed(1)},${to(value).toFixed(1)}`;
        pen = "L";
      });
      parts.push(make("path", { class: `curve ${line.tone}`, d: path }));
      return parts;
    }

    cross(columns, at, index, x, to) {
      const here = x(at[index]);
      const parts = [make("line", { class: "cross", x1: here, x2: here, y1: PAD.top, y2: HEIGHT - PAD.bottom })];
      for (const { line, own, values } of columns) {
        if (values[index] === null || isLeftOut({ line, own })) continue;
        parts.push(make("circle", { class: `dot ${line.tone}`, cx: here, cy: to(values[index]), r: 3.5 }));
      }
      return parts;
    }

    tell(columns, index) {
      columns.forEach(({ line, own }, number) => {
        this.keys[number].node.hidden = isLeftOut({ line, own });
        this.keys[number].value.textContent = index < 0 ? NONE : this.spec.say(own[index]);
      });
    }
  }

  function ended(here, width) {
    const onTheLeft = here > width - 110;
    const words = { x: here + (onTheLeft ? -5 : 5), y: PAD.top + 8, "text-anchor": onTheLeft ? "end" : "start" };
    return [
      make("line", { class: "mark", x1: here, x2: here, y1: PAD.top, y2: HEIGHT - PAD.bottom }),
      make("text", words, "sending ended"),
    ];
  }

  function nearest(at, seconds) {
    let best = 0;
    for (let index = 1; index < at.length; index += 1) {
      if (Math.abs(at[index] - seconds) < Math.abs(at[best] - seconds)) best = index;
    }
    return best;
  }

  const charts = CHARTS.map((spec) => new Chart(spec));
  byId("charts").append(...charts.map((chart) => chart.node));

  function drawCharts() {
    if (last) for (const chart of charts) chart.draw(last);
  }

  function point(share) {
    pointed = share === null ? null : Math.min(1, Math.max(0, share));
    if (last && last.now) byId("clock").textContent = clockText(last);
    drawCharts();
  }

  // ---- figures

  const bars = PERCENTILES.map((name) => {
    const value = make("strong", { "data-figure": name }, NONE);
    const bar = make("b");
    byId("percentiles").append(make("div", { class: "percentile" }, make("span", {}, name), value, make("i", {}, bar)));
    return { name, value, bar };
  });

  function tell(name, text) {
    document.querySelector(`[data-figure="${name}"]`).textContent = text;
  }

  function clockText(seen) {
    const end = seen.series.at_s[seen.series.at_s.length - 1];
    if (pointed === null) return `${clock(end)} since the run began`;
    return `at ${clock(seen.series.at_s[nearest(seen.series.at_s, pointed * Math.max(10, end))])}`;
  }

  function drawFigures(seen) {
    const now = seen.now || {};
    const state = byId("state");
    state.dataset.state = seen.state;
    state.textContent = STATES[seen.state] || seen.state;
    byId("clock").textContent = seen.now ? clockText(seen) : "";
    for (const name of ["sent", "processed", "dead_lettered", "backlog"]) tell(name, count(now[name]));
    tell("sent_per_s", seen.state === "sending" ? rate(now.sent_per_s) : "");
    tell("processed_per_s", seen.state === "settled" ? "" : rate(now.processed_per_s));
    const dead = document.querySelector('[data-figure="dead_lettered"]');
    dead.classList.toggle("bad", now.dead_lettered > 0);
    tell("dead_lettered_share", now.dead_lettered > 0 && now.sent ? `${three((100 * now.dead_lettered) / now.sent)} % of those sent` : "");
    const depths = `${count(now.visible)} waiting, ${count(now.in_flight)} in flight`;
    tell("depths", seen.now ? depths + (now.delayed ? `, ${count(now.delayed)} delayed` : "") : "");
    const age = now.oldest_age_s;
    tell("oldest_age", duration(typeof age === "number" ? age * 1000 : null));
    const ages = seen.series.oldest_age_s.filter((value) => value !== null);
    tell("oldest_age_peak", ages.length ? `at most ${duration(Math.max(...ages) * 1000)}` : "");
    const latencies = seen.end_to_end_ms || {};
    for (const { name, value, bar } of bars) {
      value.textContent = duration(latencies[name]);
      bar.style.width = latencies.max > 0 ? `${(100 * (latencies[name] || 0)) / latencies.max}%` : "0";
    }
  }

  function drawAccount(seen) {
    const { account } = seen;
    const panel = byId("account");
    const verdict = byId("account-verdict");
    if (!account) {
      panel.dataset.verdict = "open";
      byId("account-sum").replaceChildren();
      verdict.textContent = seen.state === "settled" ? "There is none." : "Drawn up when the queue has drained.";
      return;
    }
    const balanced = account.difference === 0 && !account.not_seen;
    const sign = seen.state !== "settled" ? "≈" : account.sent_at_least || account.not_seen ? "?" : balanced ? "=" : "≠";
    const term = (value, words) => make("span", {}, make("b", {}, count(value)), words);
    const seenBy = account.basis === "not seen" ? "processed (by subtraction, not checked)" : "processed";
    const terms = [term(account.processed, seenBy)];
    if (account.repeats) terms.push(term(account.repeats, "repeating a key"));
    terms.push(term(account.dead_lettered, "in the DLQ"), term(account.left, "left in the queue"));
    const parts = [term(account.sent, account.sent_at_least ? "sent at least" : "sent"), make("span", { class: "sign" }, sign)];
    terms.forEach((part, index) => parts.push(...(index ? [make("span", { class: "sign" }, "+")] : []), part));
    byId("account-sum").replaceChildren(...parts);
    if (seen.state !== "settled") {
      panel.dataset.verdict = "open";
      verdict.textContent = "As of now: it is settled when the queue has drained.";
      return;
    }
    const notes = [account.problem ? sentence(account.problem) : "It balances."];
    if (account.unknown) notes.push(`The answer for up to ${count(account.unknown)} more never came.`);
    if (account.there_before) notes.push(`${count(account.there_before)} were in the queue before the run.`);
    panel.dataset.verdict = account.problem ? "problem" : "balances";
    verdict.textContent = notes.join(" ");
  }

  const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

  function draw(seen) {
    last = seen;
    drawFigures(seen);
    drawAccount(seen);
    drawCharts();
  }

  function notice(text) {
    byId("notice").hidden = !text;
    byId("notice").textContent = text;
  }

  // ---- asking

  async function ask() {
    let answer;
    try {
      answer = await fetch("redrive/live.json", { cache: "no-store" });
    } catch {
      return notice("Locust does not answer any more. These are the last figures.");
    }
    if (answer.redirected || answer.status === 401) return notice("The login has run out. Sign in to Locust again.");
    if (!answer.ok) return notice(`Locust answers with an error (${answer.status}). These are the last figures.`);
    notice("");
    return draw(await answer.json());
  }

  async function keepAsking() {
    if (!document.hidden) await ask();
    setTimeout(keepAsking, EVERY_MS);
  }

  // ---- light or dark, alone or in Locust's tab

  const embedded = window.parent !== window;
  root.toggleAttribute("data-embedded", embedded);
  byId("alone").hidden = !embedded;
  byId("locust").hidden = embedded;
  if (!embedded) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const dress = () => {
      root.dataset.theme = localStorage.theme || (dark.matches ? "dark" : "light");
    };
    dark.addEventListener("change", dress);
    dress();
  }
  new ResizeObserver(drawCharts).observe(byId("charts"));
  keepAsking();
})();
