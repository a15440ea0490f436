//! Each row of a table in the documents has as many cells as the table's head: browsers drop extra cells.

/// The rows of a document that have another number of cells than their table's head.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let (mut is_code, mut head) = (false, None);
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code || !line.starts_with('|') {
            head = None;
            continue;
        }
        let count = cells(line);
        let wanted = *head.get_or_insert(count);
        if count != wanted {
            findings.push(format!("{path}:{}: a row of {count} cells in a table of {wanted}", number + 1));
        }
    }
    findings
}

/// The number of cells in a row; an escaped bar does not separate cells.
fn cells(row: &str) -> usize {
    row.trim_end().replace("\\|", "").matches('|').count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_row_with_another_number_of_cells_than_its_head_is_found() {
        let table = "| a | b |\n|---|---|\n| 1 \\| 2 | 3 |\n\n| c |\n|---|\n| 4 |\n";
        assert!(check("a.md", table).is_empty());
        assert_eq!(check("a.md", &format!("{table}| 5 | 6 |\n")), ["a.md:8: a row of 2 cells in a table of 1"]);
        assert!(check("a.md", "```text\n| a |\n| b | c |\n```\n").is_empty());
    }
}
