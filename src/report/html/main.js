// The page: the overview, or the run that the address names.

function route() {
  const place = /^#run-(\d+)$/.exec(location.hash)?.[1];
  if (place !== undefined && known.runs[place]) {
    showRun(Number(place));
    return;
  }
  shownRun = null;
  byId("run").hidden = true;
  byId("run").replaceChildren();
  byId("overview").hidden = false;
  // A part that was hidden until now is not where the browser looked for it.
  if (["#runs", "#keep-alive"].includes(location.hash)) document.querySelector(location.hash).scrollIntoView();
}

if (known.runs.length || !known.keep_alive) {
  showRuns(showTotals());
  showComparison();
}
showStudy();
addEventListener("hashchange", route);
route();
