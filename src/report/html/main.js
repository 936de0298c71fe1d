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
}

const totals = showTotals();
showComparison();
showRuns(totals);
addEventListener("hashchange", route);
route();
