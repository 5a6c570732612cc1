"use strict";

const SECONDS_BETWEEN_LOOKS = 30;
const byId = (id) => document.getElementById(id);

// The id has opened the page and opens nothing any more; it need not stay in the history either.
history.replaceState(null, "", location.pathname);

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function moment(text) {
  if (text === null) return element("td", "–");
  const cell = document.createElement("td");
  const time = element("time", new Date(text).toLocaleString());
  time.dateTime = text;
  cell.append(time);
  return cell;
}

// A sign beside the word: colour alone says nothing to those who cannot see it.
function state(tag, healthy, words) {
  const made = element(tag, "", healthy ? "good" : "bad");
  const sign = element("span", healthy ? "✓ " : "✕ ");
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, words);
  return made;
}

function sourceRow(source) {
  const row = document.createElement("tr");
  const name = element("th", source.name);
  name.scope = "row";
  const copies = source.copies_wanted ? `${source.copies} of ${source.copies_wanted}` : "–";
  row.append(
    name,
    state("td", source.verdict === "healthy", source.verdict),
    moment(source.last_backup_at),
    element("td", copies),
    moment(source.next_run_at),
  );
  return row;
}

function regionItem(region) {
  return state("li", region.healthy, `${region.name}: ${region.healthy ? "healthy" : "needs attention"}`);
}

function verdict(board) {
  const all = board.sources.length;
  if (board.troubled) return `${board.troubled} of ${all} sources need attention`;
  return board.healthy ? `All ${all} sources are protected` : "All sources are protected; the service needs attention";
}

function say(text, className) {
  const line = byId("verdict");
  line.className = className;
  // Said only when it changes, or screen readers would repeat it at every look.
  if (line.textContent !== text) line.textContent = text;
}

function show(board) {
  say(verdict(board), board.healthy ? "good" : "bad");
  byId("moment").textContent = `As of ${new Date(board.as_of).toLocaleString()}`;
  byId("sources").replaceChildren(...board.sources.map(sourceRow));
  byId("regions").replaceChildren(...board.regions.map(regionItem));
  for (const hidden of document.querySelectorAll("[hidden]")) hidden.hidden = false;
}

let timer = 0;

function end() {
  clearInterval(timer);
  byId("again").disabled = true;
  say("This board is closed. Open it again from the page that showed it to you.", "bad");
}

async function look() {
  try {
    const answer = await fetch("board.json", { cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401) return end();
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json());
  } catch {
    say("The status cannot be loaded now; it is tried again.", "bad");
  } finally {
    document.querySelector("main").setAttribute("aria-busy", "false");
  }
}

byId("again").addEventListener("click", look);
timer = setInterval(look, SECONDS_BETWEEN_LOOKS * 1000);
look();
