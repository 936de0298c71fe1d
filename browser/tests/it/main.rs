//! What Squall shows people, looked at in a real browser.

mod dashboard;
mod link;
mod reading;
mod report;
