// Faults: the common ones as switches, any other by a form, and what stands.

/** What stands until it is taken off. */
const SWITCHES = [
  ["replies 30 s late", { delay_reply: { by: "30s" } }], ["zombie", { zombie: {} }], ["pongs withheld", { withhold_pong: {} }],
  ["silence", { blackhole: {} }], ["slow link", { latency: { base: "2s" } }], ["upgrades refused, 503", { refuse_upgrade: { status: 503 } }],
];

/** What acts once. */
const BLOWS = [["515", { stream_error: { code: "515" } }], ["close 1011", { close: { code: 1011 } }], ["end of stream", { eof: {} }], ["reset", { reset: {} }], ["replaced", { stream_error: { conflict: "replaced" } }]];

let standing = [];

/** The same fault, whatever defaults the server has filled in. */
const isOf = (fault) => (placed) => {
  const [[name, wanted]] = Object.entries(fault);
  const said = placed.fault[name];
  return !placed.once && said !== undefined && Object.entries(wanted).every(([key, value]) => String(said[key]) === String(value));
};

async function showFaults() {
  const { faults } = await ask("GET", "/admin/faults");
  // Whoever is about to click keeps the button under the pointer.
  if (JSON.stringify(faults) === JSON.stringify(standing)) return;
  standing = faults;
  for (const button of byId("switches").children) {
    button.setAttribute("aria-pressed", String(standing.some(isOf(JSON.parse(button.dataset.fault)))));
  }
  byId("standing").replaceChildren(...standing.map((placed) => el("li", {},
    el("code", {}, JSON.stringify(placed.fault)), ` of ${whom(placed.target)}${placed.once ? ", once" : ""}${placed.ends_at ? `, until ${placed.ends_at}` : ""} `,
    el("button", { type: "button", "aria-label": `Take off fault ${placed.id}`, click: () => change(() => ask("DELETE", `/admin/faults/${placed.id}`)) }, "take off"))));
}

const whom = ({ account, connection }) => [account ? `account ${account}` : "everybody", connection && connection !== "all" ? `connection ${connection}` : null].filter(Boolean).join(", ");

const change = (act) => attempt(async () => {
  await act();
  await showFaults();
});

/** On, or off where it is on. */
function flip(fault) {
  const on = standing.filter(isOf(fault));
  return on.length ? Promise.all(on.map(({ id }) => ask("DELETE", `/admin/faults/${id}`))) : ask("POST", "/admin/faults", { fault });
}

async function beginFaults() {
  byId("switches").append(...SWITCHES.map(([name, fault]) => el("button", { type: "button", class: "switch", "data-fault": JSON.stringify(fault), "aria-pressed": "false", click: () => change(() => flip(fault)) }, name)));
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
