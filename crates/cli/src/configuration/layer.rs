//! Options that come from one place, and which of them count.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command};

use super::file::Found;
use super::{first_line, is_configured, is_switch, shown, variable};
use crate::failure::Failure;

/// What a place says of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Switch(bool),
    Values(Vec<String>),
}

impl Setting {
    /// The option with this as its default.
    pub(super) fn as_default(&self, arg: Arg) -> Arg {
        match self {
            Self::Switch(on) => arg.default_value(if *on { "true" } else { "false" }),
            Self::Values(values) => arg.default_values(values),
        }
    }

    /// Whether it says more than that an option is off.
    fn is_on(&self) -> bool {
        *self != Self::Switch(false)
    }
}

/// What one place says.
#[derive(Debug)]
pub(super) struct Layer {
    settings: Vec<One>,
}

#[derive(Debug)]
struct One {
    /// The name of the option in clap.
    id: String,
    /// Where it is said, as errors name it.
    origin: String,
    setting: Setting,
}

impl Layer {
    /// What the environment says of a command's options. Empty variables say nothing.
    pub(super) fn of_environment(
        command: &Command,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let mut settings = Vec::new();
        for arg in command.get_arguments() {
            let Some(name) = variable(arg) else { continue };
            let Some(text) = environment(&name).filter(|text| !text.is_empty()) else {
                continue;
            };
            let setting = if is_switch(arg) {
                let on = switch(&text).ok_or_else(|| {
                    Failure::usage(format!("{name}: expected true or false, found {text:?}"))
                })?;
                Setting::Switch(on)
            } else if takes_several(arg) {
                let values = text.split(',').map(str::trim);
                Setting::Values(values.map(str::to_owned).collect())
            } else {
                Setting::Values(vec![text])
            };
            settings.push(One::new(arg, name, setting)?);
        }
        Ok(Self { settings })
    }

    /// What a file says of a command's options; other commands may have what this lacks.
    pub(super) fn of_file(command: &Command, file: &Found) -> Result<Self, Failure> {
        let mut settings = Vec::new();
        for (key, setting) in &file.settings {
            let mut args = command.get_arguments().filter(|arg| is_configured(arg));
            let Some(arg) = args.find(|arg| arg.get_long() == Some(key.as_str())) else {
                continue;
            };
            let origin = format!("{}: {key}", shown(&file.path));
            let fits = match setting {
                Setting::Switch(_) => is_switch(arg),
                Setting::Values(values) => {
                    !is_switch(arg) && (values.len() == 1 || takes_several(arg))
                }
            };
            if !fits {
                let expected = if is_switch(arg) {
                    "true or false"
                } else if takes_several(arg) {
                    "texts: [\"a\", \"b\"]"
                } else {
                    "one value"
                };
                return Err(Failure::usage(format!("{origin}: expected {expected}")));
            }
            settings.push(One::new(arg, origin, setting.clone())?);
        }
        Ok(Self { settings })
    }
}

impl One {
    /// # Errors
    /// When the option does not take such a value.
    fn new(arg: &Arg, origin: String, setting: Setting) -> Result<Self, Failure> {
        if let Setting::Values(values) = &setting {
            let long = arg.get_long().unwrap_or_default().to_owned();
            let parser = arg.get_value_parser().clone();
            let probe = Arg::new("value").long(long.clone()).value_parser(parser);
            let probe = Command::new("probe")
                .no_binary_name(true)
                .arg(probe.action(ArgAction::Append));
            let values = values.iter().map(|value| format!("--{long}={value}"));
            if let Err(error) = probe.try_get_matches_from(values) {
                return Err(Failure::usage(format!("{origin}: {}", first_line(&error))));
            }
        }
        Ok(Self {
            id: arg.get_id().as_str().to_owned(),
            origin,
            setting,
        })
    }
}

/// Of several places, the first that says something of an option; what excludes it, elsewhere in a
/// later place, does not count.
///
/// # Errors
/// When one place says two things that exclude each other.
pub(super) fn settled(
    command: &Command,
    is_given: &dyn Fn(&Arg) -> bool,
    layers: Vec<Layer>,
) -> Result<BTreeMap<String, Setting>, Failure> {
    let args: BTreeMap<&str, &Arg> = command
        .get_arguments()
        .map(|arg| (arg.get_id().as_str(), arg))
        .collect();
    let exclude = |one: &str, other: &str| {
        let says = |one: &str, other: &str| {
            let arg = args.get(one).copied();
            let excluded = arg.map(|arg| command.get_arg_conflicts_with(arg));
            let mut excluded = excluded.into_iter().flatten();
            excluded.any(|arg| arg.get_id().as_str() == other)
        };
        says(one, other) || says(other, one)
    };
    let given = args.values().filter(|arg| is_given(arg));
    // By their ids, and whether they are on.
    let mut taken: BTreeMap<String, bool> = given
        .map(|arg| (arg.get_id().as_str().to_owned(), true))
        .collect();
    let mut settings = BTreeMap::new();
    for layer in layers {
        let counts = |one: &One| {
            let excluded = |(id, on): (&String, &bool)| *on && exclude(id, &one.id);
            let is_excluded = || one.setting.is_on() && taken.iter().any(excluded);
            !(taken.contains_key(&one.id) || is_excluded())
        };
        let counting: Vec<One> = layer.settings.into_iter().filter(counts).collect();
        for (number, one) in counting.iter().enumerate() {
            let others = counting.iter().take(number);
            let mut others = others.filter(|other| other.setting.is_on() && one.setting.is_on());
            if let Some(other) = others.find(|other| exclude(&other.id, &one.id)) {
                return Err(Failure::usage(format!(
                    "{} and {}: one excludes the other",
                    other.origin, one.origin
                )));
            }
        }
        for one in counting {
            taken.insert(one.id.clone(), one.setting.is_on());
            settings.insert(one.id, one.setting);
        }
    }
    Ok(settings)
}

fn takes_several(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A word that switches something on or off.
fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
