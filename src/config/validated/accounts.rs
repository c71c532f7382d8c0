//! The accounts and regions that are read.

use std::collections::BTreeSet;

use crate::config::file;
use crate::schema::{ConfigPath, Validator};
use crate::sources::aws::{Account, Accounts, OWN, Role};

impl Validator {
    pub(super) fn accounts(&mut self, raw: &file::Aws, place: &ConfigPath) -> Accounts {
        self.regions(&raw.regions, &place.key("regions"));
        let at_accounts = place.key("accounts");
        let mut roles = BTreeSet::new();
        let mut names = BTreeSet::from([OWN.to_owned()]);
        let mut others = Vec::new();
        for (index, account) in raw.accounts.iter().enumerate() {
            let at = at_accounts.item(index);
            self.regions(&account.regions, &at.key("regions"));
            let role = self.role(account, &at);
            let account = Account {
                name: account.name.clone(),
                role,
                regions: account.regions.clone(),
                is_linked: account.linked,
            };
            let (arn, name) = (account.role.arn.clone(), account.name().to_owned());
            if !arn.is_empty() && roles.contains(&arn) {
                self.refuse(&at.key("role_arn"), format!("{arn:?} is there already"));
            } else if names.contains(&name) {
                let what = format!("{name:?} is there already: sources are told apart by it");
                self.refuse(&at.key("name"), what);
            }
            roles.insert(arn);
            names.insert(name);
            others.push(account);
        }
        if raw.enabled && !raw.own_account && others.is_empty() {
            self.refuse(
                &place.key("own_account"),
                "is false, and there are no accounts: nothing would be read; set aws.enabled to false if that is meant",
            );
        }
        Accounts {
            own: raw.own_account,
            regions: raw.regions.clone(),
            others,
        }
    }

    fn role(&mut self, raw: &file::Account, place: &ConfigPath) -> Role {
        let role = Role {
            arn: raw.role_arn.clone(),
            external_id: raw.external_id.clone(),
        };
        let at = place.key("role_arn");
        if raw.role_arn.is_empty() {
            self.refuse(&at, "is missing: the role that is taken on there");
        } else if role.account_id().is_none() {
            let what = format!(
                "{:?} is not the ARN of a role, such as arn:aws:iam::111122223333:role/breakeven",
                raw.role_arn
            );
            self.refuse(&at, what);
        }
        role
    }

    fn regions(&mut self, regions: &[String], place: &ConfigPath) {
        let mut known = BTreeSet::new();
        for (index, region) in regions.iter().enumerate() {
            let at = place.item(index);
            if !is_region(region) {
                let what = format!("{region:?} is not a region, such as eu-west-1");
                self.refuse(&at, what);
            } else if !known.insert(region) {
                self.refuse(&at, format!("{region:?} is there already"));
            }
        }
    }
}

/// Whether it is written as regions are: words and a number, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase());
    words.split('-').count() >= 2
        && words.split('-').all(is_word)
        && !number.is_empty()
        && number.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_words_and_a_number() {
        for region in [
            "eu-west-1",
            "us-gov-east-1",
            "ap-southeast-12",
            "eusc-de-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "",
            "eu-west",
            "eu-west-1a",
            "EU-west-1",
            "Ireland",
            "eu--1",
            "1-1",
        ] {
            assert!(!is_region(other), "{other}");
        }
    }
}
