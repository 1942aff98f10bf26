//! Records of the Table API in all three shapes of `sysparm_display_value`.

use crate::json::{Malformed, Reader, Value};

/// A record: its columns in the order of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record(pub Vec<(String, Cell)>);

/// One column of a record. An empty reference is `""` in two of the shapes, and a choice may show `null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The stored value.
    pub value: String,
    /// The shown value, where the answer has one.
    pub display_value: Option<String>,
    /// The API address of the record referred to.
    pub link: Option<String>,
}

impl Record {
    /// Reads the members of a record whose object was started.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut columns = Vec::new();
        while let Some(name) = reader.name()? {
            columns.push((name.into_owned(), Cell::read(reader)?));
        }
        Ok(Self(columns))
    }

    /// Reads what stands in `result`: rows, or one record as a single row. `None` where it is neither.
    pub fn read_all(reader: &mut Reader<'_>) -> Result<Option<Vec<Self>>, Malformed> {
        match reader.value()? {
            Value::Object => Ok(Some(vec![Self::read(reader)?])),
            Value::Array => {
                let (mut rows, mut sound) = (Vec::new(), true);
                while let Some(item) = reader.item()? {
                    if item == Value::Object {
                        rows.push(Self::read(reader)?);
                    } else {
                        sound = false;
                        reader.skip(&item)?;
                    }
                }
                Ok(sound.then_some(rows))
            }
            Value::Text(_) | Value::Null => Ok(None),
        }
    }

    /// A column.
    pub fn cell(&self, column: &str) -> Option<&Cell> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, cell)| cell)
    }

    /// A column's stored value.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.cell(column).map(|cell| cell.value.as_str())
    }

    /// A column's stored value, empty where the record lacks the column.
    pub fn text(&self, column: &str) -> String {
        self.value(column).unwrap_or_default().to_string()
    }
}

impl Cell {
    /// Reads a column's value. What is no text, such as a list that some plugin adds, counts as empty.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut cell = Self::default();
        let value = reader.value()?;
        if value != Value::Object {
            reader.skip(&value)?;
            cell.value = value.into_text().unwrap_or_default();
            return Ok(cell);
        }
        while let Some(name) = reader.name()? {
            let text = reader.text()?;
            match &*name {
                "value" => cell.value = text.unwrap_or_default(),
                "display_value" => cell.display_value = text,
                "link" => cell.link = text,
                _ => {}
            }
        }
        Ok(cell)
    }
}

#[cfg(test)]
impl Record {
    /// A record, from JSON that is one.
    pub fn from_json(json: &str) -> Self {
        Self::read_all(&mut Reader::new(json)).unwrap().unwrap().remove(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(json: &str) -> Cell {
        Cell::read(&mut Reader::new(json)).unwrap()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn a_cell_reads_the_same_in_every_shape() {
        let link = "https://x.service-now.com/api/now/table/sys_user/1";
        for (json, value, display_value, with_link) in [
            (r#""6""#.to_string(), "6", None, None),
            (format!(r#"{{"link":"{link}","value":"1"}}"#), "1", None, some(link)),
            (format!(r#"{{"display_value":"Ann","link":"{link}"}}"#), "", some("Ann"), some(link)),
            (format!(r#"{{"display_value":"Ann","value":"1","link":"{link}"}}"#), "1", some("Ann"), some(link)),
            (r#"{"display_value":null,"value":""}"#.to_string(), "", some(""), None),
            (r#"{"display_value":"","value":""}"#.to_string(), "", some(""), None),
            ("null".to_string(), "", None, None),
            ("true".to_string(), "true", None, None),
            ("42".to_string(), "42", None, None),
            ("[1,[2]]".to_string(), "", None, None),
        ] {
            assert_eq!(cell(&json), Cell { value: value.to_string(), display_value, link: with_link }, "{json}");
        }
    }

    #[test]
    fn rows_are_a_list_or_one_record() {
        let rows = |json| Record::read_all(&mut Reader::new(json)).unwrap().map(|rows| rows.len());
        assert_eq!(rows(r#"[{"a":"1"},{"a":"2"}]"#), Some(2));
        assert_eq!(rows(r#"{"a":"1"}"#), Some(1));
        assert_eq!(rows("[]"), Some(0));
        assert_eq!(rows(r#""text""#), None);
        assert_eq!(rows(r#"["text"]"#), None);
        assert_eq!(rows("null"), None);
    }
}
