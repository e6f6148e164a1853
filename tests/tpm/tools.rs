//! The same blobs with Debian's tpm2-tools, both ways: what we seal they open,
//! and what they seal we open.

use super::board::{
    Board, CHEAP, PIN, Remembering, SRK_ATTRIBUTES, assert_opens, data_key, pin, tpm,
};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use healthpost::keys::derive;
use healthpost::ports::sealer::{Blob, PcrSelection, Protection, Sealed, Sealer};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub fn write(board: &Board, name: &str, bytes: &[u8]) {
    healthpost::durable::write(&board.folder().join(name), bytes).unwrap();
}

fn read(board: &Board, name: &str) -> Vec<u8> {
    std::fs::read(board.folder().join(name)).unwrap()
}

/// The tools' files begin with the length of what follows.
fn sized(blob: &Blob) -> Vec<u8> {
    let length = u16::try_from(blob.bytes().len()).unwrap().to_be_bytes();
    [&length[..], blob.bytes()].concat()
}

fn make_storage_key(board: &Board) {
    let args = ["-G", "ecc256", "-a", SRK_ATTRIBUTES, "-c", "srk.ctx"];
    board.tools("tpm2_createprimary", &args);
    board.tools("tpm2_flushcontext", &["-t"]);
}

/// Our object as `object.ctx`.
pub fn load_into_tools(board: &Board, sealed: &Sealed) {
    make_storage_key(board);
    write(board, "ours.pub", &sized(&sealed.public));
    write(board, "ours.priv", &sized(&sealed.private));
    let blobs = ["-u", "ours.pub", "-r", "ours.priv"];
    let args = [&["-C", "srk.ctx"], &blobs[..], &["-c", "object.ctx"]].concat();
    board.tools("tpm2_load", &args);
    board.tools("tpm2_flushcontext", &["-t"]);
}

/// A session that has satisfied our policy, as `policy.ctx`.
pub fn open_policy(board: &Board, registers: Option<&str>) {
    let session = ["-S", "policy.ctx"];
    let start = [&["--policy-session"], &session[..]].concat();
    board.tools("tpm2_startauthsession", &start);
    if let Some(registers) = registers {
        let list = format!("sha256:{registers}");
        let args = [&session[..], &["-l", &list]].concat();
        board.tools("tpm2_policypcr", &args);
    }
    board.tools("tpm2_policyauthvalue", &session);
}

/// The digest of our policy without registers, as `policy.dat`.
pub fn write_policy(board: &Board) {
    board.tools("tpm2_startauthsession", &["-S", "trial.ctx"]);
    let args = ["-S", "trial.ctx", "-L", "policy.dat"];
    board.tools("tpm2_policyauthvalue", &args);
    board.tools("tpm2_flushcontext", &["trial.ctx"]);
}

#[test]
fn the_tools_open_what_we_seal() {
    let board = Board::new();
    let chance = Remembering::new();
    let ours = tpm(board.tcti(), chance.clone());
    let met = ours.meet().unwrap();
    let typed = pin(PIN);
    let protection = Protection {
        pin: Some(&typed),
        pcrs: Some(PcrSelection::parse("7,11").unwrap()),
    };
    let sealed = ours.seal(&met, &data_key(4), protection).unwrap();
    let salt = sealed.pin.as_ref().unwrap().salt.bytes();
    let hash = derive::derive(CHEAP, typed.expose(), salt).unwrap();
    let mut value = hash.as_slice();
    while let [rest @ .., 0] = value {
        value = rest;
    }
    let session = format!("session:policy.ctx+hex:{}", hex::encode(value));
    load_into_tools(&board, &sealed);
    open_policy(&board, Some("7,11"));
    let outer = board.tools("tpm2_unseal", &["-c", "object.ctx", "-p", &session]);
    board.tools("tpm2_flushcontext", &["policy.ctx"]);
    board.tools("tpm2_flushcontext", &["-t"]);
    open_policy(&board, Some("7,11"));
    let index = format!("{:#x}", sealed.index);
    let args = ["-C", &index, "-s", "32", "-P", &session, &index];
    let inner = board.tools("tpm2_nvread", &args);
    // Both are what was drawn, and they are two different things.
    let given = chance.given.lock().unwrap();
    assert!(given.contains(&outer) && given.contains(&inner));
    assert_ne!(outer, inner);
}

/// The key that tells a cleared TPM from another one is the profile's own.
#[test]
fn the_endorsement_key_is_the_one_the_tools_make() {
    let board = Board::new();
    let met = board.tpm().meet().unwrap();
    let args = ["-G", "ecc", "-c", "ek.ctx", "-u", "ek.pub"];
    board.tools("tpm2_createek", &args);
    let digest = Sha256::digest(&read(&board, "ek.pub")[2..]);
    let name = [&[0, 0xB], &digest[..]].concat();
    assert_eq!(met.endorsement_key.unwrap().bytes(), name);
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Makes the whole slot with the tools and a few lines written from its
/// description.
#[test]
fn we_open_what_the_tools_seal() {
    let board = Board::new();
    let ours = board.tpm();
    let met = ours.meet().unwrap();
    let key = data_key(5);
    let mut sealed = ours.seal(&met, &key, Protection::default()).unwrap();
    let (outer, inner) = ([0x31; 32], [0x32; 32]);
    write(&board, "outer", &outer);
    write(&board, "inner", &inner);
    make_storage_key(&board);
    write_policy(&board);
    let attributes = "fixedtpm|fixedparent|adminwithpolicy|noda";
    let object = ["-C", "srk.ctx", "-i", "outer", "-L", "policy.dat"];
    let files = ["-a", attributes, "-u", "theirs.pub", "-r", "theirs.priv"];
    board.tools("tpm2_create", &[&object[..], &files].concat());
    board.tools("tpm2_flushcontext", &["-t"]);
    sealed.index ^= 0x80;
    let index = format!("{:#x}", sealed.index);
    let attributes = "ownerwrite|policyread|no_da";
    let define = ["-s", "32", "-a", attributes, "-L", "policy.dat", &index];
    board.tools("tpm2_nvdefine", &[&["-C", "o"], &define[..]].concat());
    board.tools("tpm2_nvwrite", &["-C", "o", "-i", "inner", &index]);
    sealed.public = Blob::new(&read(&board, "theirs.pub")[2..]);
    sealed.private = Blob::new(&read(&board, "theirs.priv")[2..]);
    sealed.nonce = String::new();
    sealed.wrapped = String::new();
    let context = b"healthpost tpm slot 1\n";
    let bound = [&context[..], &serde_json::to_vec(&sealed).unwrap()].concat();
    let kek = mac(&mac(context, &[&outer, &inner]), &[b"data key", &[1]]);
    let payload = Payload {
        msg: key.expose(),
        aad: &bound,
    };
    let cipher = Aes256Gcm::new_from_slice(&kek).unwrap();
    let wrapped = cipher.encrypt(&Nonce::from([6; 12]), payload).unwrap();
    sealed.nonce = hex::encode([6; 12]);
    sealed.wrapped = hex::encode(wrapped);
    assert_opens(&ours, &sealed, None, &key);
}
