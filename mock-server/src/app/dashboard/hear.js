// What happens, as the server tells it.

const TRIES_AGAIN_AFTER = 1000;

/**
 * Hears everything that is kept and then what happens. Where the link is lost it asks again behind what it has heard. A server that
 * is another one by then, or the same begun anew, is heard from its beginning, and `onAnew` is called before.
 */
function hear({ onEvent, onGap, onLink, onAnew }) {
  let key = null;
  let last = null;

  async function open() {
    try {
      const { hex } = await ask("GET", "/admin/root-key");
      if (hex !== key || !(await isKept(last))) {
        last = null;
        key = hex;
        onAnew(key);
      }
    } catch {
      again();
      return;
    }
    const source = new EventSource(address(`/admin/events?since=${last?.seq ?? 0}`));
    source.addEventListener("open", () => onLink(true));
    source.addEventListener("error", () => {
      source.close();
      again();
    });
    source.addEventListener("message", ({ data }) => {
      const entry = JSON.parse(data);
      if (last && entry.seq <= last.seq) return;
      last = entry;
      onEvent(entry);
    });
    source.addEventListener("gap", ({ data }) => onGap(JSON.parse(data).gap.missed));
  }

  function again() {
    onLink(false);
    setTimeout(open, TRIES_AGAIN_AFTER);
  }

  open();
}

/** Whether a server has told this event, or so many since that it keeps it no more. Nothing was told by every server. */
async function isKept(entry) {
  if (!entry) return true;
  const response = await fetch(address(`/admin/events?since=${entry.seq - 1}&follow=false`), { headers: { accept: "application/x-ndjson" } });
  const [first] = (await response.text()).split("\n");
  if (!response.ok || !first) return false;
  const told = JSON.parse(first);
  return told.gap !== undefined || (told.seq === entry.seq && told.at === entry.at);
}
