//! Which situation a response code means, for the command it answered.
//!
//! The raw code is never changed on its way to the reader: only a look-up
//! happens here. The same code means different things to different commands.

use crate::ports::sealer::{Said, SealError, Situation};
use tpm2_protocol::data::TpmCc;

/// Codes without the number of a parameter, handle or session.
pub(super) mod base {
    pub(in crate::tpm) const SUCCESS: u32 = 0;
    pub(in crate::tpm) const INITIALIZE: u32 = 0x100;
    pub(in crate::tpm) const FAILURE: u32 = 0x101;
    pub(in crate::tpm) const DISABLED: u32 = 0x120;
    pub(in crate::tpm) const PCR_CHANGED: u32 = 0x128;
    pub(in crate::tpm) const TOO_MANY_CONTEXTS: u32 = 0x12E;
    pub(in crate::tpm) const AUTH_UNAVAILABLE: u32 = 0x12F;
    pub(in crate::tpm) const REBOOT: u32 = 0x130;
    pub(in crate::tpm) const COMMAND_CODE: u32 = 0x143;
    pub(in crate::tpm) const NV_UNINITIALIZED: u32 = 0x14A;
    pub(in crate::tpm) const NV_SPACE: u32 = 0x14B;
    pub(in crate::tpm) const NEEDS_TEST: u32 = 0x153;
    pub(in crate::tpm) const SENSITIVE: u32 = 0x155;
    pub(in crate::tpm) const ASYMMETRIC: u32 = 0x81;
    pub(in crate::tpm) const HASH: u32 = 0x83;
    pub(in crate::tpm) const VALUE: u32 = 0x84;
    pub(in crate::tpm) const HIERARCHY: u32 = 0x85;
    pub(in crate::tpm) const HANDLE: u32 = 0x8B;
    pub(in crate::tpm) const AUTH_FAIL: u32 = 0x8E;
    pub(in crate::tpm) const SYMMETRIC: u32 = 0x96;
    pub(in crate::tpm) const POLICY_FAIL: u32 = 0x9D;
    pub(in crate::tpm) const BAD_AUTH: u32 = 0xA2;
    pub(in crate::tpm) const CURVE: u32 = 0xA6;
    pub(in crate::tpm) const CONTEXT_GAP: u32 = 0x901;
    pub(in crate::tpm) const OBJECT_MEMORY: u32 = 0x902;
    pub(in crate::tpm) const SESSION_MEMORY: u32 = 0x903;
    pub(in crate::tpm) const MEMORY: u32 = 0x904;
    pub(in crate::tpm) const SESSION_HANDLES: u32 = 0x905;
    pub(in crate::tpm) const OBJECT_HANDLES: u32 = 0x906;
    pub(in crate::tpm) const YIELDED: u32 = 0x908;
    pub(in crate::tpm) const TESTING: u32 = 0x90A;
    pub(in crate::tpm) const NV_RATE: u32 = 0x920;
    pub(in crate::tpm) const LOCKOUT: u32 = 0x921;
    pub(in crate::tpm) const RETRY: u32 = 0x922;
    pub(in crate::tpm) const NV_UNAVAILABLE: u32 = 0x923;
}

/// The code without the layer that says it (the kernel's resource manager has
/// one of its own), and without the number of what it complains about.
pub(super) const fn base_of(code: u32) -> u32 {
    let code = code & 0xFFFF;
    if code & 0x80 == 0 { code } else { code & 0xBF }
}

/// Which commands a row is about.
enum To {
    Any,
    These(&'static [TpmCc]),
}

const OPENING: To = To::These(&[TpmCc::Unseal, TpmCc::NvRead]);
const AS_OWNER: To = To::These(&[
    TpmCc::CreatePrimary,
    TpmCc::NvDefineSpace,
    TpmCc::NvWrite,
    TpmCc::NvUndefineSpace,
]);
const UNDER_THE_STORAGE_KEY: To = To::These(&[TpmCc::Create, TpmCc::Load]);
const AS_LOCKOUT: To = To::These(&[
    TpmCc::HierarchyChangeAuth,
    TpmCc::DictionaryAttackParameters,
    TpmCc::DictionaryAttackLockReset,
]);
const INDEX: To = To::These(&[TpmCc::NvReadPublic, TpmCc::NvRead]);

const WRONG_PIN: Situation = Situation::WrongPin { tries_left: None };
const LOCKED_OUT: Situation = Situation::LockedOut { wait_s: None };

/// The first row that fits counts.
const TABLE: &[(u32, To, Situation)] = &[
    (base::INITIALIZE, To::Any, Situation::NotStarted),
    (base::FAILURE, To::Any, Situation::Failed),
    (base::NEEDS_TEST, To::Any, Situation::Failed),
    (base::REBOOT, To::Any, Situation::Failed),
    (base::NV_UNAVAILABLE, To::Any, Situation::Failed),
    (base::OBJECT_MEMORY, To::Any, Situation::Full),
    (base::SESSION_MEMORY, To::Any, Situation::Full),
    (base::MEMORY, To::Any, Situation::Full),
    (base::SESSION_HANDLES, To::Any, Situation::Full),
    (base::OBJECT_HANDLES, To::Any, Situation::Full),
    (base::CONTEXT_GAP, To::Any, Situation::Full),
    (base::TOO_MANY_CONTEXTS, To::Any, Situation::Full),
    (base::RETRY, To::Any, Situation::Busy),
    (base::YIELDED, To::Any, Situation::Busy),
    (base::TESTING, To::Any, Situation::Busy),
    (base::NV_RATE, To::Any, Situation::Busy),
    (base::COMMAND_CODE, To::Any, Situation::Unsupported),
    (base::CURVE, To::Any, Situation::Unsupported),
    (base::ASYMMETRIC, To::Any, Situation::Unsupported),
    (base::HIERARCHY, To::Any, Situation::Disabled),
    (base::DISABLED, To::Any, Situation::Disabled),
    (base::NV_SPACE, To::Any, Situation::NoSpace),
    (base::PCR_CHANGED, To::Any, Situation::PcrMoving),
    (
        base::VALUE,
        To::These(&[TpmCc::PolicyPcr]),
        Situation::PcrChanged,
    ),
    (base::POLICY_FAIL, OPENING, Situation::PcrChanged),
    (base::AUTH_FAIL, OPENING, WRONG_PIN),
    (base::BAD_AUTH, OPENING, WRONG_PIN),
    (base::LOCKOUT, OPENING, LOCKED_OUT),
    (base::LOCKOUT, UNDER_THE_STORAGE_KEY, LOCKED_OUT),
    (base::LOCKOUT, AS_LOCKOUT, Situation::LockoutBlocked),
    (base::AUTH_FAIL, AS_LOCKOUT, Situation::LockoutPassword),
    (base::BAD_AUTH, AS_LOCKOUT, Situation::LockoutPassword),
    (base::BAD_AUTH, AS_OWNER, Situation::OwnerPassword),
    (base::AUTH_FAIL, AS_OWNER, Situation::OwnerPassword),
    (
        base::AUTH_FAIL,
        UNDER_THE_STORAGE_KEY,
        Situation::StorageKeyPassword,
    ),
    (
        base::BAD_AUTH,
        UNDER_THE_STORAGE_KEY,
        Situation::StorageKeyPassword,
    ),
    (base::HANDLE, INDEX, Situation::Destroyed),
    (base::NV_UNINITIALIZED, INDEX, Situation::Destroyed),
    (base::AUTH_UNAVAILABLE, OPENING, Situation::Damaged),
    (
        base::SENSITIVE,
        To::These(&[TpmCc::Load]),
        Situation::Damaged,
    ),
    (
        base::HASH,
        To::These(&[TpmCc::StartAuthSession]),
        Situation::Unsupported,
    ),
    (
        base::SYMMETRIC,
        To::These(&[TpmCc::StartAuthSession]),
        Situation::Unsupported,
    ),
];

/// What `code` means as the answer to `command`.
pub(super) fn judge(code: u32, command: TpmCc) -> SealError {
    let base = base_of(code);
    let fits = |to: &To| match to {
        To::Any => true,
        To::These(commands) => commands.contains(&command),
    };
    let row = TABLE.iter().find(|(row, to, _)| *row == base && fits(to));
    let situation = match row {
        Some((_, _, situation)) => *situation,
        // Whatever else it finds wrong with the blob's own fields.
        None if command == TpmCc::Load && base & 0x80 != 0 => Situation::Damaged,
        None => Situation::Unexpected,
    };
    SealError {
        situation,
        said: Some(Said {
            code,
            command: name(command),
        }),
    }
}

/// The command's name in the specification.
const fn name(command: TpmCc) -> &'static str {
    const NAMES: &[(TpmCc, &str)] = &[
        (TpmCc::Create, "TPM2_Create"),
        (TpmCc::CreatePrimary, "TPM2_CreatePrimary"),
        (
            TpmCc::DictionaryAttackLockReset,
            "TPM2_DictionaryAttackLockReset",
        ),
        (
            TpmCc::DictionaryAttackParameters,
            "TPM2_DictionaryAttackParameters",
        ),
        (TpmCc::FlushContext, "TPM2_FlushContext"),
        (TpmCc::GetCapability, "TPM2_GetCapability"),
        (TpmCc::HierarchyChangeAuth, "TPM2_HierarchyChangeAuth"),
        (TpmCc::Load, "TPM2_Load"),
        (TpmCc::NvDefineSpace, "TPM2_NV_DefineSpace"),
        (TpmCc::NvRead, "TPM2_NV_Read"),
        (TpmCc::NvReadPublic, "TPM2_NV_ReadPublic"),
        (TpmCc::NvUndefineSpace, "TPM2_NV_UndefineSpace"),
        (TpmCc::NvWrite, "TPM2_NV_Write"),
        (TpmCc::PcrRead, "TPM2_PCR_Read"),
        (TpmCc::PolicyAuthValue, "TPM2_PolicyAuthValue"),
        (TpmCc::PolicyPcr, "TPM2_PolicyPCR"),
        (TpmCc::ReadPublic, "TPM2_ReadPublic"),
        (TpmCc::StartAuthSession, "TPM2_StartAuthSession"),
        (TpmCc::Unseal, "TPM2_Unseal"),
    ];
    let mut rest = NAMES;
    while let [(row, text), tail @ ..] = rest {
        if *row as u32 == command as u32 {
            return text;
        }
        rest = tail;
    }
    "another command"
}

/// Whether the TPM only asks to be asked again.
pub(super) const fn wants_patience(code: u32) -> bool {
    matches!(
        base_of(code),
        base::RETRY | base::YIELDED | base::TESTING | base::NV_RATE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_handles_parameters_and_sessions_do_not_count() {
        for (code, base) in [
            (0x99D, base::POLICY_FAIL),
            (0x1C4, base::VALUE),
            (0x1DF, 0x9F),
            (0x98E, base::AUTH_FAIL),
            (0x9A2, base::BAD_AUTH),
            (0x18B, base::HANDLE),
            (0x921, base::LOCKOUT),
            (0x922, base::RETRY),
            (0x000B_0143, base::COMMAND_CODE),
        ] {
            assert_eq!(base_of(code), base, "{code:#x}");
        }
    }

    #[test]
    fn one_code_means_different_things_to_different_commands() {
        let said = |command| judge(0x9A2, command).situation;
        assert_eq!(said(TpmCc::CreatePrimary), Situation::OwnerPassword);
        assert_eq!(said(TpmCc::Unseal), WRONG_PIN);
        assert_eq!(said(TpmCc::Load), Situation::StorageKeyPassword);
        assert_eq!(
            said(TpmCc::DictionaryAttackLockReset),
            Situation::LockoutPassword
        );
        assert_eq!(said(TpmCc::GetCapability), Situation::Unexpected);
        assert_eq!(judge(0x1DF, TpmCc::Load).situation, Situation::Damaged);
    }

    #[test]
    fn no_code_is_beyond_judging() {
        for code in (0..=0xFFFF).chain([u32::MAX, 0x000B_0143]) {
            let error = judge(code, TpmCc::Unseal);
            assert_eq!(error.said.unwrap().code, code);
            assert!(!error.to_string().is_empty());
        }
    }
}
