//! A configuration as the text of a YAML file.

use super::Node;

/// Sentences are broken before this column.
const WIDTH: usize = 100;

/// The file with a sentence above every setting.
pub(crate) fn with_sentences(tree: &Node) -> String {
    let mut page = String::new();
    write(&mut page, tree, 0, true);
    page
}

/// The file alone.
pub(crate) fn plain(tree: &Node) -> String {
    let mut page = String::new();
    write(&mut page, tree, 0, false);
    page
}

fn write(page: &mut String, tree: &Node, indent: usize, sentences: bool) {
    match tree {
        Node::Line(line) => {
            page.push_str(line);
            page.push('\n');
        }
        Node::Section(keys) => {
            for (key, sentence, value) in keys {
                if sentences {
                    write_sentence(page, sentence, indent);
                }
                page.push_str(&" ".repeat(indent));
                page.push_str(key);
                page.push(':');
                write_value(page, value, indent + 2, sentences);
            }
        }
        Node::List(items) => {
            for item in items {
                // The first key of an item stands on the line of its dash.
                let mut text = String::new();
                write(&mut text, item, indent + 2, false);
                page.push_str(&" ".repeat(indent));
                page.push_str("- ");
                page.push_str(text.trim_start());
            }
        }
    }
}

fn write_value(page: &mut String, value: &Node, indent: usize, sentences: bool) {
    match value {
        Node::Line(_) => page.push(' '),
        Node::Section(_) | Node::List(_) => page.push('\n'),
    }
    write(page, value, indent, sentences);
}

fn write_sentence(page: &mut String, sentence: &str, indent: usize) {
    let start = format!("{}#", " ".repeat(indent));
    let mut line = start.clone();
    for word in sentence.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > start.len() {
            page.push_str(&line);
            page.push('\n');
            line.clone_from(&start);
        }
        line.push(' ');
        line.push_str(word);
    }
    page.push_str(&line);
    page.push('\n');
}
