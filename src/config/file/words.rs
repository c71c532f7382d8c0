//! Settings that are a word of an enum that the program uses elsewhere too.

use serde_json::Value;

use crate::schema::{ConfigError, ConfigPath, Node, Setting, json_schema, read_word, words};
use crate::sources::prometheus::{LatencyUnit, Preset};
use breakeven_model::SharingPolicy;
use breakeven_model::inventory::{Architecture, CapacityType};
use breakeven_model::lambda::HttpEndpoint;
use breakeven_model::pricing::DiscountKind;

words!(Architecture);
words!(CapacityType);
words!(DiscountKind);
words!(HttpEndpoint);
words!(LatencyUnit);
words!(SharingPolicy);

/// The metrics that count requests: those of a preset, or of the first preset that has data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetSetting {
    /// The first preset that has data.
    Auto,
    /// This preset.
    Preset(Preset),
}

impl PresetSetting {
    fn all() -> impl Iterator<Item = Self> + Clone {
        let presets = Preset::ALL.iter().copied().map(Self::Preset);
        std::iter::once(Self::Auto).chain(presets)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Preset(preset) => preset.as_str(),
        }
    }
}

impl Setting for PresetSetting {
    fn read(value: &Value, place: &ConfigPath, errors: &mut Vec<ConfigError>) -> Option<Self> {
        read_word(Self::all(), Self::as_str, value, place, errors)
    }

    fn tree(&self) -> Node {
        Node::Line(self.as_str().to_owned())
    }

    fn schema() -> Value {
        json_schema::words(Self::all().map(Self::as_str))
    }
}
