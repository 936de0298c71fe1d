// The phone that scans QR codes.

async function scan(text) {
  const account = byId("qr-account").value.trim();
  const query = account ? `?account=${encodeURIComponent(account)}` : "";
  const paired = await ask("POST", `/admin/mock-phone/scan-qr${query}`, text.trim());
  byId("scanned").textContent = `Scanned: conn ${paired.connection} pairs with account ${paired.account}.`;
  byId("qr").value = "";
}

function beginPhone() {
  byId("phone").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => scan(byId("qr").value));
  });
  byId("qr").addEventListener("paste", (event) => {
    event.preventDefault();
    byId("qr").value = event.clipboardData.getData("text");
    attempt(() => scan(byId("qr").value));
  });
  byId("scan-clipboard").addEventListener("click", () => attempt(async () => {
    if (!navigator.clipboard) throw new Error("This browser gives no clipboard to a page that is not on this machine or secured; paste the text into the field.");
    await scan(await navigator.clipboard.readText());
  }));
}
