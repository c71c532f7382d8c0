//! How quantities are kept in little memory: as numbers of four bytes, good to seven digits.

/// What is made of numbers and can be kept as such.
pub trait Compact: Sized {
    /// How many numbers it is.
    const COUNT: usize;

    /// Appends the name of each number: `name` for a single one, `name.field` for the fields of a struct.
    fn columns(name: &str, out: &mut Vec<String>);

    /// Writes them down, one after another.
    fn write(&self, out: &mut Vec<f32>);

    /// Reads them back; nothing where they are not what was written.
    fn read(numbers: &mut &[f32]) -> Option<Self>;
}

impl Compact for f64 {
    const COUNT: usize = 1;

    fn columns(name: &str, out: &mut Vec<String>) {
        out.push(name.to_owned());
    }

    fn write(&self, out: &mut Vec<f32>) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seven digits are what is kept"
        )]
        out.push(*self as f32);
    }

    fn read(numbers: &mut &[f32]) -> Option<Self> {
        numbers.split_off_first().copied().map(Self::from)
    }
}

/// What is absent is no number.
impl<T: Compact> Compact for Option<T> {
    const COUNT: usize = T::COUNT;

    fn columns(name: &str, out: &mut Vec<String>) {
        T::columns(name, out);
    }

    fn write(&self, out: &mut Vec<f32>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend(std::iter::repeat_n(f32::NAN, T::COUNT)),
        }
    }

    fn read(numbers: &mut &[f32]) -> Option<Self> {
        let mut own = numbers.split_off(..T::COUNT)?;
        if own.iter().all(|number| number.is_nan()) {
            return Some(None);
        }
        T::read(&mut own).map(Some)
    }
}

impl<A: Compact, B: Compact> Compact for (A, B) {
    const COUNT: usize = A::COUNT + B::COUNT;

    fn columns(name: &str, out: &mut Vec<String>) {
        A::columns(&column(name, "0"), out);
        B::columns(&column(name, "1"), out);
    }

    fn write(&self, out: &mut Vec<f32>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(numbers: &mut &[f32]) -> Option<Self> {
        Some((A::read(numbers)?, B::read(numbers)?))
    }
}

/// The name of a field's column.
#[must_use]
pub fn column(name: &str, field: &str) -> String {
    if name.is_empty() {
        field.to_owned()
    } else {
        format!("{name}.{field}")
    }
}

/// Declares a struct whose fields are all made of numbers, so that each field is named once:
/// `numbers! { struct Cost { allocated: Usd, loaded: Usd } }`
#[macro_export]
macro_rules! numbers {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$attribute:meta])* $field_visibility:vis $field:ident: $kind:ty),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $($(#[$attribute])* $field_visibility $field: $kind,)+
        }

        impl $crate::units::Compact for $name {
            const COUNT: usize = 0 $(+ <$kind as $crate::units::Compact>::COUNT)+;

            fn columns(name: &str, out: &mut Vec<String>) {
                $(
                    let field = $crate::units::column(name, stringify!($field));
                    <$kind as $crate::units::Compact>::columns(&field, out);
                )+
            }

            fn write(&self, out: &mut Vec<f32>) {
                $($crate::units::Compact::write(&self.$field, out);)+
            }

            fn read(numbers: &mut &[f32]) -> Option<Self> {
                Some(Self { $($field: <$kind as $crate::units::Compact>::read(numbers)?,)+ })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Gib, Requests, Usd};

    numbers! {
        #[derive(Clone, Copy, Debug, PartialEq)]
        struct Sum {
            cost: Usd,
            extremes: Option<(Gib, Gib)>,
            slope: f64,
        }
    }

    fn again<T: Compact>(value: &T) -> Option<T> {
        let mut numbers = Vec::new();
        value.write(&mut numbers);
        assert_eq!(numbers.len(), T::COUNT);
        T::read(&mut &*numbers)
    }

    #[test]
    fn what_is_written_is_read_to_seven_digits() {
        let gib = |gib| Gib::from_gib(gib).unwrap();
        for extremes in [None, Some((gib(0.25), gib(1.5)))] {
            let sum = Sum {
                cost: Usd::from_usd(0.1).unwrap(),
                extremes,
                slope: -0.5,
            };
            let read = again(&sum).unwrap();
            assert_eq!((read.extremes, read.slope), (extremes, -0.5));
            assert!((read.cost.usd() / 0.1 - 1.0).abs() < 1e-7);
        }
    }

    #[test]
    fn more_than_four_bytes_can_hold_is_the_most_that_they_can() {
        let many = again(&Requests::from_requests(1e300).unwrap()).unwrap();
        assert_eq!(many.requests(), f64::from(f32::MAX));
    }

    #[test]
    fn numbers_that_nobody_wrote_are_nothing() {
        assert_eq!(Usd::read(&mut &[f32::NAN][..]), None);
        assert_eq!(Sum::read(&mut &[1.0, 2.0][..]), None);
    }
}
