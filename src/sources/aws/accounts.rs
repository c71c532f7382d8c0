//! The accounts and regions that are read.

use super::{Aws, Role};

/// How the account of the chain's own credentials is called.
pub const OWN: &str = "own account";

/// Which accounts are read, and in which regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Whether the account of the chain's own credentials is.
    pub own: bool,
    /// The regions; without any, the chain's own.
    pub regions: Vec<String>,
    /// The others.
    pub others: Vec<Account>,
}

/// An account that is reached by a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// How it is called; without a name by its number.
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// Its regions; without any, those of all.
    pub regions: Vec<String>,
}

impl Default for Accounts {
    /// The account and the region of the chain.
    fn default() -> Self {
        Self {
            own: true,
            regions: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Accounts {
    /// A way to each account and region, all of them on the chain of `aws`. Each has a name of its own, such as `payments in
    /// eu-west-1`, where there are several.
    #[must_use]
    pub fn readers(&self, aws: &Aws) -> Vec<Aws> {
        let mut readers = Vec::new();
        if self.own {
            regional(OWN, aws, &self.regions, &mut readers);
        }
        for account in &self.others {
            let there = aws.assuming(account.role.clone());
            let regions = match account.regions.as_slice() {
                [] => &self.regions,
                own => own,
            };
            regional(account.name(), &there, regions, &mut readers);
        }
        match readers.as_slice() {
            [(_, only)] => vec![only.clone()],
            _ => readers.iter().map(|(name, aws)| aws.named(name)).collect(),
        }
    }
}

fn regional(name: &str, aws: &Aws, regions: &[String], readers: &mut Vec<(String, Aws)>) {
    if regions.is_empty() {
        readers.push((name.to_owned(), aws.clone()));
    }
    readers.extend(regions.iter().map(|region| {
        let name = format!("{name} in {region}");
        (name, aws.in_region(region))
    }));
}

impl Account {
    /// How it is called: by its name, its number, or its role.
    #[must_use]
    pub fn name(&self) -> &str {
        let number = || self.role.account_id();
        let name = self.name.as_deref().or_else(number);
        name.unwrap_or(&self.role.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::aws::Settings;

    fn account(name: Option<&str>, number: u64, regions: &[&str]) -> Account {
        Account {
            name: name.map(str::to_owned),
            role: Role {
                arn: format!("arn:aws:iam::{number:012}:role/breakeven"),
                external_id: None,
            },
            regions: regions.iter().map(ToString::to_string).collect(),
        }
    }

    fn names(accounts: &Accounts) -> Vec<String> {
        let aws = Aws::new(Settings::default());
        let readers = accounts.readers(&aws).into_iter();
        let names = readers.map(|one| one.name().map(|name| name.to_string()));
        names.map(Option::unwrap_or_default).collect()
    }

    #[test]
    fn there_is_a_reader_for_each_account_in_each_of_its_regions() {
        assert_eq!(names(&Accounts::default()), [""], "one needs no name");
        let accounts = Accounts {
            own: true,
            regions: vec!["eu-west-1".into(), "us-east-1".into()],
            others: vec![
                account(Some("payments"), 111_111_111_111, &[]),
                account(None, 222_222_222_222, &["ap-south-1"]),
            ],
        };
        assert_eq!(
            names(&accounts),
            [
                "own account in eu-west-1",
                "own account in us-east-1",
                "payments in eu-west-1",
                "payments in us-east-1",
                "222222222222 in ap-south-1",
            ]
        );
        let others = Accounts {
            own: false,
            ..accounts
        };
        assert_eq!(names(&others).len(), 3);
    }

    #[test]
    fn the_site_of_a_reader_is_known_before_it_is_asked_but_for_the_own_account() {
        let accounts = Accounts {
            regions: vec!["eu-west-1".into()],
            others: vec![account(None, 111_111_111_111, &[])],
            ..Accounts::default()
        };
        let readers = accounts.readers(&Aws::new(Settings::default()));
        let [own, other] = readers.as_slice() else {
            panic!("two readers")
        };
        assert_eq!(own.site().account_id, None);
        assert_eq!(other.site().account_id.as_deref(), Some("111111111111"));
        for reader in &readers {
            assert_eq!(reader.site().region.as_deref(), Some("eu-west-1"));
        }
        own.note_account(&"123456789012".into());
        assert_eq!(own.site().account_id.as_deref(), Some("123456789012"));
    }
}
