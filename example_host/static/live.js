// Elements with data-live ask their address for fresh content every few seconds, while the page is looked at.
"use strict";

const SECONDS = 4;

function atBottom(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 40;
}

function stick(element) {
  if ("stick" in element.dataset) element.scrollTop = element.scrollHeight;
}

async function refresh(element) {
  const answer = await fetch(element.dataset.live, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const fresh = await answer.text();
  if (element.dataset.seen === fresh || element.contains(document.activeElement)) return;
  const follow = atBottom(element);
  element.innerHTML = fresh;
  element.dataset.seen = fresh;
  if (follow) stick(element);
}

for (const element of document.querySelectorAll("[data-live]")) {
  stick(element);
  setInterval(() => {
    if (!document.hidden) refresh(element).catch(() => {}); // the next round tries again
  }, SECONDS * 1000);
}
