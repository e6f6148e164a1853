//! How telephone numbers are built, country by country.
//!
//! A row is: ISO 3166 alpha-2 code, calling code, fewest and most digits of a
//! national number without its trunk prefix, the trunk prefix. An empty trunk
//! prefix means that a leading zero, if any, belongs to the number itself (as
//! in Côte d'Ivoire, Benin, the Congo and Italy).

/// How a country's numbers are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) code: &'static str,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) trunk: &'static str,
}

/// The plan of a country, by its ISO 3166 alpha-2 code in any case.
pub(super) fn find_plan(country: &str) -> Option<Plan> {
    rows()
        .find(|(iso, _)| iso.eq_ignore_ascii_case(country))
        .map(|(_, plan)| plan)
}

/// Plans whose calling code begins `digits`; several countries share some.
pub(super) fn plans_of(digits: &str) -> impl Iterator<Item = Plan> + '_ {
    rows()
        .map(|(_, plan)| plan)
        .filter(|plan| digits.starts_with(plan.code))
}

fn rows() -> impl Iterator<Item = (&'static str, Plan)> {
    TABLE.split(';').filter_map(|row| {
        let mut parts = row.split_whitespace();
        let (iso, code) = (parts.next()?, parts.next()?);
        let (min, max) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let trunk = parts.next().unwrap_or("");
        Some((
            iso,
            Plan {
                code,
                min,
                max,
                trunk,
            },
        ))
    })
}

const TABLE: &str = "\
AO 244 9 9;BF 226 8 8;BI 257 8 8;BJ 229 8 10;BW 267 7 8;CD 243 9 9 0;CF 236 8 8;CG 242 9 9;\
CI 225 10 10;CM 237 9 9;CV 238 7 7;DJ 253 8 8;DZ 213 8 9 0;EG 20 8 10 0;EH 212 9 9 0;ER 291 7 7 0;\
ET 251 9 9 0;GA 241 7 8 0;GH 233 9 9 0;GM 220 7 7;GN 224 8 9;GQ 240 9 9;GW 245 7 9;KE 254 9 9 0;\
KM 269 7 7;LR 231 7 9 0;LS 266 8 8;LY 218 8 9 0;MA 212 9 9 0;MG 261 9 9 0;ML 223 8 8;MR 222 8 8;\
MU 230 7 8;MW 265 7 9 0;MZ 258 8 9;NA 264 8 9 0;NE 227 8 8;NG 234 8 10 0;RE 262 9 9 0;RW 250 9 9 0;\
SC 248 7 7;SD 249 9 9 0;SH 290 4 5;SL 232 8 8 0;SN 221 9 9;SO 252 7 9 0;SS 211 9 9 0;ST 239 7 7;\
SZ 268 8 8;TD 235 8 8;TG 228 8 8;TN 216 8 8;TZ 255 9 9 0;UG 256 9 9 0;YT 262 9 9 0;ZA 27 9 9 0;\
ZM 260 9 9 0;ZW 263 8 9 0;\
AR 54 10 11 0;BO 591 8 8 0;BR 55 10 11 0;BZ 501 7 7;CL 56 9 9;CO 57 10 10 0;CR 506 8 8;CU 53 8 8 0;\
EC 593 8 9 0;FK 500 5 5;GF 594 9 9 0;GP 590 9 9 0;GT 502 8 8;GY 592 7 7;HN 504 8 8;HT 509 8 8;\
MQ 596 9 9 0;MX 52 10 10 01;NI 505 8 8;PA 507 7 8;PE 51 8 9 0;PY 595 8 9 0;SR 597 6 7;SV 503 8 8;\
UY 598 8 8 0;VE 58 10 10 0;AW 297 7 7;CW 599 7 8;BQ 599 7 7;SX 1 10 10 1;\
US 1 10 10 1;CA 1 10 10 1;AG 1 10 10 1;AI 1 10 10 1;BB 1 10 10 1;BM 1 10 10 1;BS 1 10 10 1;\
DM 1 10 10 1;DO 1 10 10 1;GD 1 10 10 1;JM 1 10 10 1;KN 1 10 10 1;KY 1 10 10 1;LC 1 10 10 1;\
MS 1 10 10 1;PR 1 10 10 1;TC 1 10 10 1;TT 1 10 10 1;VC 1 10 10 1;VG 1 10 10 1;VI 1 10 10 1;\
AD 376 6 9;AL 355 8 9 0;AT 43 7 13 0;BA 387 8 9 0;BE 32 8 9 0;BG 359 7 9 0;BY 375 9 9 8;\
CH 41 9 9 0;CY 357 8 8;CZ 420 9 9;DE 49 7 11 0;DK 45 8 8;EE 372 7 8;ES 34 9 9;FI 358 6 11 0;\
FO 298 6 6;FR 33 9 9 0;GB 44 9 10 0;GI 350 8 8;GL 299 6 6;GR 30 10 10;HR 385 8 9 0;HU 36 8 9 06;\
IE 353 7 9 0;IS 354 7 9;IT 39 8 11;LI 423 7 9;LT 370 8 8 0;LU 352 6 11;LV 371 8 8;MC 377 8 9 0;\
MD 373 8 8 0;ME 382 8 9 0;MK 389 8 8 0;MT 356 8 8;NL 31 9 9 0;NO 47 8 8;PL 48 9 9;PT 351 9 9;\
RO 40 9 9 0;RS 381 8 9 0;RU 7 10 10 8;SE 46 7 10 0;SI 386 8 8 0;SK 421 9 9 0;SM 378 6 10;\
TR 90 10 10 0;UA 380 9 9 0;VA 39 8 11;XK 383 8 9 0;\
AE 971 8 9 0;AF 93 9 9 0;BD 880 8 10 0;BH 973 8 8;CN 86 10 11 0;ID 62 8 12 0;IL 972 8 9 0;\
IN 91 10 10 0;IQ 964 8 10 0;IR 98 10 10 0;JO 962 8 9 0;JP 81 9 10 0;KH 855 8 9 0;KW 965 8 8;\
LB 961 7 8 0;LK 94 9 9 0;MM 95 7 10 0;NP 977 8 10 0;OM 968 8 8;PG 675 7 8;PH 63 8 10 0;\
PK 92 9 10 0;PS 970 8 9 0;QA 974 8 8;SA 966 8 9 0;SY 963 8 9 0;TH 66 8 9 0;TL 670 7 8;\
VN 84 9 10 0;YE 967 7 9 0;AU 61 9 9 0;NZ 64 8 10 0;HK 852 8 8;MY 60 8 10 0;SG 65 8 8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_and_no_country_comes_twice() {
        let all: Vec<_> = rows().collect();
        assert_eq!(all.len(), TABLE.split(';').count());
        let mut isos: Vec<&str> = all.iter().map(|(iso, _)| *iso).collect();
        isos.sort_unstable();
        isos.dedup();
        assert_eq!(isos.len(), all.len());
        for (iso, plan) in all {
            assert!(iso.len() == 2 && plan.min <= plan.max, "{iso}");
            assert!(plan.code.len() + plan.max <= 15, "{iso}");
        }
    }
}
