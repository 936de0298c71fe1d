//! The rules of the house, held by a test each. A failure names the file and the way out.

mod direction;
mod files;
mod licences;
mod registers;
mod source;
