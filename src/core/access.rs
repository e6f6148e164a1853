//! Who may do what: one table, asked by the console, the API and the command
//! line alike. What is not in the table is not allowed.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A role; a person may hold several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manages staff and settings.
    Admin,
    /// Reads and treats.
    Clinician,
    /// Views, edits and exports records.
    Records,
    /// The queue and walk-ins, not the answers.
    Reception,
    /// Edits the flow.
    BotEditor,
    /// Edits scripts.
    ScriptManager,
    /// Keeps the box running; no patient data at all.
    Technician,
    /// Reads the audit log only.
    Auditor,
    /// The message gatherer only.
    Device,
}

/// Something a person may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See that records exist, their state and queue.
    ReadRecords,
    /// Read what patients answered.
    ReadAnswers,
    /// Correct a record.
    EditRecords,
    /// Take records out of the box.
    Export,
    /// Write to a patient.
    Reply,
    /// Enter a patient at the desk.
    WalkIn,
    /// Add, change and disable staff.
    ManageUsers,
    /// Change the flow.
    EditFlow,
    /// Change scripts.
    EditScripts,
    /// Look after the box: metrics, disk, network.
    Service,
    /// Read the audit log.
    ReadAudit,
    /// Delete what a patient said, at their wish.
    Erase,
    /// Hand in messages as a device.
    Gather,
}

/// Every role, in the order people list them.
pub const ROLES: [Role; 9] = [
    Role::Admin,
    Role::Clinician,
    Role::Records,
    Role::Reception,
    Role::BotEditor,
    Role::ScriptManager,
    Role::Technician,
    Role::Auditor,
    Role::Device,
];

/// Whether somebody with these roles may do this. Whether clinicians may
/// export is a setting of the clinic, asked on top.
pub fn may(roles: &[Role], action: Action) -> bool {
    allowed(action).iter().any(|role| roles.contains(role))
}

const fn allowed(action: Action) -> &'static [Role] {
    match action {
        Action::ReadRecords => &[Role::Admin, Role::Clinician, Role::Records, Role::Reception],
        Action::ReadAnswers => &[Role::Admin, Role::Clinician, Role::Records],
        Action::EditRecords | Action::Export => &[Role::Admin, Role::Clinician, Role::Records],
        Action::Reply => &[Role::Admin, Role::Clinician],
        Action::WalkIn => &[Role::Admin, Role::Clinician, Role::Records, Role::Reception],
        Action::ManageUsers | Action::Erase => &[Role::Admin],
        Action::EditFlow => &[Role::Admin, Role::BotEditor],
        Action::EditScripts => &[Role::Admin, Role::ScriptManager],
        Action::Service => &[Role::Admin, Role::Technician],
        Action::ReadAudit => &[Role::Admin, Role::Auditor],
        Action::Gather => &[Role::Device],
    }
}

impl Role {
    /// The name people type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Clinician => "clinician",
            Self::Records => "records",
            Self::Reception => "reception",
            Self::BotEditor => "bot_editor",
            Self::ScriptManager => "script_manager",
            Self::Technician => "technician",
            Self::Auditor => "auditor",
            Self::Device => "device",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such role: use admin, clinician, records, reception, bot_editor, script_manager, \
     technician, auditor or device"
)]
pub struct NoSuchRole;

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut roles = ROLES.into_iter();
        roles.find(|role| role.as_str() == text).ok_or(NoSuchRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_match_json() {
        for role in ROLES {
            assert_eq!(role.as_str().parse(), Ok(role));
            let json = serde_json::to_string(&role).unwrap();
            assert_eq!(json, format!("\"{role}\""));
        }
        assert_eq!("root".parse::<Role>(), Err(NoSuchRole));
    }

    #[test]
    fn those_who_must_not_see_patients_do_not() {
        let patients = [
            Action::ReadRecords,
            Action::ReadAnswers,
            Action::EditRecords,
            Action::Export,
            Action::Reply,
            Action::Erase,
        ];
        for action in patients {
            for role in [
                Role::Technician,
                Role::Auditor,
                Role::Device,
                Role::BotEditor,
            ] {
                assert!(!may(&[role], action), "{role} {action:?}");
            }
            assert!(!may(&[], action));
        }
        assert!(may(&[Role::Reception], Action::WalkIn));
        assert!(!may(&[Role::Reception], Action::ReadAnswers));
        assert!(may(&[Role::Technician, Role::Records], Action::Export));
    }
}
