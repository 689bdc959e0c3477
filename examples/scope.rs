//! Tasks that borrow: the words of a text are counted in parts, and nothing is copied.
//!
//! The tasks borrow the text, and what they give borrows it too: the longest word is a slice of it.

use letgo::scope;

const TEXT: &str = "a value to come\nis had at the point of use\nand nowhere before";

fn main() {
    let text = TEXT.to_owned();
    let (words, longest) = scope(|s| {
        let lines: Vec<_> = text
            .lines()
            .map(|line| {
                s.spawn_value(move || {
                    let longest = line.split(' ').max_by_key(|word| word.len());
                    (line.split(' ').count(), longest.unwrap_or(""))
                })
            })
            .collect();
        lines
            .into_iter()
            .map(letgo::ScopedJoinHandle::get)
            .reduce(|(sum, longest), (words, word)| {
                let longer = if word.len() > longest.len() {
                    word
                } else {
                    longest
                };
                (sum + words, longer)
            })
            .unwrap_or_default()
    });
    println!("{words} words, the longest is {longest:?}");
    assert_eq!((words, longest), (14, "nowhere"));
}
