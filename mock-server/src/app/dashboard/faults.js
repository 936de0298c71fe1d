// Faults: the common ones as switches, any other by a form, and what stands.

/** What stands until it is taken off. */
const SWITCHES = [
  ["replies 30 s late", { delay_reply: { by: "30s" } }], ["zombie", { zombie: {} }], ["pongs withheld", { withhold_pong: {} }],
  ["silence", { blackhole: {} }], ["slow link", { latency: { base: "2s" } }], ["upgrades refused, 503", { refuse_upgrade: { status: 503 } }],
];

/** What acts once. */
const BLOWS = [["515", { stream_error: { code: "515" } }], ["close 1011", { close: { code: 1011 } }], ["end of stream", { eof: {} }], ["reset", { reset: {} }], ["replaced", { stream_error: { conflict: "replaced" } }]];

let standing = [];

/** What the switches have put on: by a switch's name, the number of its fault. All else that stands is in the list alone. */
const own = new Map();

const isOn = (name) => standing.some(({ id }) => id === own.get(name));

function pressSwitches() {
  for (const button of byId("switches").children) button.setAttribute("aria-pressed", String(isOn(button.textContent)));
}

async function showFaults() {
  const { faults } = await ask("GET", "/admin/faults");
  const same = JSON.stringify(faults) === JSON.stringify(standing);
  standing = faults;
  pressSwitches();
  // Whoever is about to click keeps the button under the pointer.
  if (same) return;
  byId("standing").replaceChildren(...standing.map((placed) => el("li", {},
    el("code", {}, JSON.stringify(placed.fault)), ` of ${whom(placed.target)}${placed.once ? ", once" : ""}${placed.ends_at ? `, until ${placed.ends_at}` : ""} `,
    el("button", { type: "button", "aria-label": `Take off fault ${placed.id}`, click: () => change(() => ask("DELETE", `/admin/faults/${placed.id}`)) }, "take off"))));
}

const whom = ({ account, connection }) => [account ? `account ${account}` : "everybody", connection && connection !== "all" ? `connection ${connection}` : null].filter(Boolean).join(", ");

const change = (act) => attempt(async () => {
  await act();
  await showFaults();
});

const flipping = new Set();

/** On, or off where it is on. Two clicks in a row are one. */
async function flip(name, fault) {
  if (flipping.has(name)) return;
  flipping.add(name);
  try {
    if (isOn(name)) {
      await ask("DELETE", `/admin/faults/${own.get(name)}`);
      own.delete(name);
    } else {
      own.set(name, (await ask("POST", "/admin/faults", { fault })).id);
    }
  } finally {
    flipping.delete(name);
  }
}

/** Another server has other faults. */
function forgetFaults() {
  own.clear();
  standing = [];
  pressSwitches();
  byId("standing").replaceChildren();
}

async function beginFaults() {
  byId("switches").append(...SWITCHES.map(([name, fault]) => el("button", { type: "button", class: "switch", "aria-pressed": "false", click: () => change(() => flip(name, fault)) }, name)));
  byId("blows").append(...BLOWS.map(([name, fault]) => el("button", { type: "button", click: () => change(() => ask("POST", "/admin/inject", { fault })) }, name)));
  const document = await ask("GET", "/admin/openapi.json");
  const names = document.components.schemas.Fault.oneOf.flatMap((one) => Object.keys(one.properties ?? {}));
  byId("fault-name").append(...names.map((name) => el("option", { value: name }, name)));
  byId("fault").addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => {
      const fault = { [byId("fault-name").value]: JSON.parse(byId("fault-parameters").value || "{}") };
      const [account, ttl] = [byId("fault-account").value.trim(), byId("fault-ttl").value.trim()];
      return ask("POST", `/admin/${event.submitter?.value ?? "faults"}`, { fault, ...(account && { target: { account } }), ...(ttl && { ttl }) });
    });
  });
  await showFaults();
}
