"""What torch has and the page has not, so that a name that is missing here is told from a mistake."""

from __future__ import annotations

import base64
import functools
import zlib
from typing import Any


class NotInPage(AttributeError):
    """torch has this; the page has not."""


def not_in_page(what: str) -> NotInPage:
    """The error for what only torch itself can do."""
    return NotInPage(f"{what} is not in the page: run this in JupyterLab")


@functools.cache
def known() -> dict[str, set[str]]:
    """By module, the public names of torch."""
    text = zlib.decompress(base64.b85decode(PACKED)).decode()
    return {
        home: set(names.split()) for home, _, names in (line.partition(": ") for line in text.splitlines())
    }


def missing(home: str, name: str, told: str) -> AttributeError:
    """The error for a name that is not here: the page's if torch has it, else torch's own text."""
    there = name.removesuffix("_") in known().get(home, ())
    return not_in_page(f"{home}.{name}") if there else AttributeError(told)


class Absent:
    """A method that torch's tensors have and the page's have not; it is there, and refuses."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise not_in_page(f"torch.Tensor.{self.name}")


def absent(cls: type) -> None:
    """Give a class an `Absent` for each method that it lacks."""
    for name in known()["torch.Tensor"]:
        if not hasattr(cls, name):
            setattr(cls, name, Absent(name))


PACKED = (
    "c-p;O+j87El6~K=z!z+^N*+(I-(<<R9m!Ux<nGvgVL&9RiWYAs$dbxmzvpBEywpYQ?wQ%J3rHkD5Ck$4c>&bbZMu15E`Ix9F4EK$uC-m"
    "=zH8gMH5Wy0{ndlHXxDw|s%`+5jZ4j2SEZZMwvU%}waV9H`Q5Wi`!27mWoJ8Y-WGNGXx{d#m20o^v@@5sC{P9DrEPp)ICEKNOv)xNEFb"
    "(@<(-rZ*SXnC@vgK5@}|!4;Qg*~Z~MH+Tx+hJYcA_%cjL<X-aeq$E9YIC+amvAbu@Kr*A6{&?zuBpxo4|;e*gQvO4;Nna@jwmh4r45jq"
    "TFSKiqB#FI{J3zV2L8w}7{ts&~(6(PwVb?n7_e%nXxrTiD9Hx1B9?vft;0yWBX;%JAZJ<4TKS*SF4maFwo&`Ow;InOZEBfH_|WpxJ1uZ"
    ">U?&zB8Y`U>edkZ}{YYf4axGTqEClop)|2H9DE*8tar->+5>GM%S9XwcZ)6m$m!MmHJ%QO=$I{(LsHxR<-%kcVAYV|8}R}bbI&dw~PCC"
    "$(P%uxwWk=v2scSw>zC<eDs~OT)zqC_ZCBI&GPGw(E(n{{7>Lv!4xN5j^L**%+!d&{O@7+y134LHv#t=-?(m5XJ$5C)50<knu`y7dHCj"
    "rF=^qptua~M&MaS`$|d?RT)8}ruh9mw5X-K0wlvFK`L?bL=I@Kzb_70w2=4#q_FZ!M@!jP=K7IaR?(N##Z`!(FZ<@XvxYOLXHpMb4d3;"
    "^IOFmqGd3$l4T)o38v3z%beHD?vf4cveTz`6d|K;xTqxp(4{AP>Z8T;V*tBW3;*tGVNY>dq;sB7yIyIm&@26>i^xY9n4IQc!4C9^ckx0"
    "08A!CbMW;94Z#>KvbESF5~o$-2$6WIb>Lgb9CXQDbnnXf`&<Fw=F92k=59c_oPysx_w6RyzY~tkwYAR0c2EhPh{R$)woXDrAe06YY|Wq"
    ">NrcD|wpOVqJr1H>FQpMG1nhYuEBdWYXi>Q#c@h+BmSY^@;EBC2To>iBD}u(g&(@mFMSq+qM?tm2v5)WK23D9Zy#{>$`;W8o<Q}o&$tD"
    "NC6K3h7U1HshU&{Ur?>bs=PX=8rSk6EZT!@(S6q?PkEKqPbfpkB~{&)6EJyzkbi>IOR%q$-O-xXWqs<VRR?X?w!@TRj<}ngz+)WUCQ0k"
    "QnzuQ4sBbdReZ;4-$2^}e%!6yIx-W{{Jgmr5XRpmeUVz?g3!t*?E=k+kbA3CI*G^wp)a#u6V9xkz0(A-I2Ean+r5j|=ze>J%ekJ*<=Y`"
    "~geab!frOF1laH}ryn|##`sHz^}x*fnaUvKuCKC`~S{Fb&FmWO+AlI0KyvU-#r4{dETS#iIyjq?+P(%uYHn}<GqbRFeWijIYxQc!{OIf"
    "_jS@d)BIU}aWhb<Zt0b$NlL=uIlKYSN9(D+q#)oQ^`VVp>(Mz$l<1@EI-pq>xukOQhv=Qy0!Z?gjt^yLGL1BLZS+D@BNe<a@)7$0s#pP"
    ">IpAhrW6=*wf2KQwpXCfy-pKZ=$qL!9{H{a7SvfD+8JH*}4J<8CX^%C~V!JClU(<yJrCkjf;5}X!QB{>@2Ylxe3G<^RvaTW~9dey?zC#"
    "l8KcJ(xqdMpcW+GBuSdh&gW1FSi(5KxsA;dZPMlIzV3ap0`Y4v+cT-yE;KvWEa@K706;SO22*#I?I9NXi0~|T0q&$J_`>IF0&Sbt4r^O"
    ";8X#DaP<FfW!DSg_3OL96i1k>Q!a{yxw#i1I_6l2RjndW#*O|0S!y|oGRmt(KK<g%=ND;Fk?qd=NGzcM5=t0#9^ziwiPDbG^*DH=8_lZ"
    "rZXo(`4_N7o5GLlzcD!25d?>R=Wf|dOd9XIYroo6O<E87>{<l8d0UO?GH{=LTvlMS&2@dtuLw#^|$g~6HVL<_h==K|CfC?o>IPLt)U6_"
    "T~Z5RLFIlQw_A#-5F^5Hxpb{IFA*4Du-Oc-(C>56P1GrpO5kJ7gUcbc25|4_sdHa|a3-A*|T6)H)H=z%(ETNs}UfbO8icmNGUi#@UGFx"
    "T)$kjJ3g>x$lOvRv6c=_)D2UY8dz2@V8)6o-ySf?RL(r?4uj{<~x%prj+!KG*F>A)IY3USth!JB&+7^b@JpWtxwkgK3{-tKno&4_F6&("
    "`t^7plbS#1V;Jzfp9YJS2m~3?=Fc*!S>-Uzp@msFOS2@IYg`dKl(8?Za%gCn6Br09K3I_OFffWxCPgb*pBddE;`S>!B%$Q561OPNR#oy"
    "G5D<)#|C+d0<@u_bm--(=`ETW73eW0(Eq_5-i_mbM9EVcZAx#3UugJVBvhJz`-$If;niZ62BqX3!TR*rehl~}OgJPLv1!qm+754yvDsc"
    "Wzzz4C0&8p|rAW;He^_~-4Z^;H!y6OiA?t##ZDm-SLW(KP3+I<H((+FF;Zn8l&eWH9fLmxq{kGIT^qn`^qK}P`<1kVgLX*AW5GxyN1@p"
    "W0OoIFX8RWx{r;hcf+x{a2U5`x+QUBjihCvme9lS&4_cF`o=2KG_r2mG|$Votr-JnLvQuTe`G81h7g#7vw|3skCS<#U$nzR`tWw>^Ie)"
    "E#uv8BuOFmNI`G^)Ski5pFZTX>;fz8%zC0NQPkfSV#^Hq=Jq@&^NFkTPyfYv<)`SZZQ#<&<);ku)A(B@2R9UKDitr*j^h7>x~L)WKs~3"
    "z1cMo?fEYzYzdmBCKm?IONi>cq?k<dHm=w{A`xm2G>(sT&)j7LB;r6pn56*<R)7{fEP#|XEB;_CRZ1MJ&*uwEM9$sJIrd-4`=|n?P8Wr"
    "CBYtO+yk@#!axRI0ubBLeiB!Lq^52>K$^=7e*r}?R+}EMu+XB`AeKko1-8Wi%lgcS-ra2z30mmJ~AH(G*+LApd_^4Y72t5(`NsASBSe4"
    "Y(eArVh07YRzQdT3TI56a*=>x-3%?h$^(`J=hOBOUdfZ!&ofIs9xs*l>xtKWlQAa_99zIeop+pUGdNaZ6B!?(qg-TBFj)E|)h6-k5u#5"
    "WVrl*ghmb!#m)b-;tBK$^b8ruEIP*XZXP*yGW{s%j(GJ{H^-%wr4j^Vn^+;teV64lRV>0CM9iQh*t^2Mn@sYn$$pLv0*Fgbl!}OoIF=l"
    "<}}*dq@O44I2!}LzAwN$?xnJNgJjMCNOzc9k(gKU^RJfgrtEgn*mS7k(Mh=2C+LMOd~VGnC}Qa2UsfOnASsgP~{5Wm6E9N1LVJ(0_}VJ"
    "59Szvz7i1!yR?ryTiO<@kU*n;9OPDM{Ui245flNA+G;GSga~G2&{;T|0P0pA3hdi(ZYJ)h5mciLYl|Jo5BSB{<XphKgzj285Kif!Lo=h"
    "BGcIK5TF75+d@B0{0uPGUymWrUeZx?NAOlKYIi>s5SP7V^wQ`6W&6Oi{r|_e}5-X!M70MYbm5n$Lj=a6C06rFCcI|ujI8RzNdr(n9=Nw"
    "!;s&o2SJ)P@0=6t}k?1s!`utUif0PV<OIlKT_4y^dqgbtv6ME{GxO|diO7XJfFk?$$6yPBH_L0M7BWl;gCq6?-4?4?oLg6%7{&?d_jF#"
    "Fz%fQ|}qC{EObfSHJlfKeDdKtkdtNB~drwUvAB?20T<)oRp42^w<IZSvG;FXBfNPk+KWVi}VH{thyx>ea2Gt-;BKsVmSw6V*lQs(Lncy"
    "Z+uHEt&Rwdt>uf2!;Ctw^?AYF=FozfY+df7G`YFq!vW?B<$FTrFq1xIz;K#6Wuto27ZU0!Q-hpw7({pSu@&>rpfU?Z0Sw@JXt<1_0>?W"
    "bMHaYAx|pm>g1fJE^Nzmr?kaQL{<#4$27u;NE^C}l@{9?0>)FwxoVqZ`_M^g8KlDM2SFm90VGs_+X2A#hM7y!KC^3vcmRP9K|?=wV0zJ"
    "tSa-JI6J_1$%wv$C!0&VGmBchhd4`hqkwQ|k*Rw{NARn>jyDCuMMNa~Ge3yksqsTwUjAwJiU_ORRvR!3MEZAsvPB?EwQsthNbpIJqvN6"
    "qz`%Nah!Xa{T40%39QbKXH_q!#Y&iRO^=K1_e0eXK0_|<@u7a177<vz?rxsMQMIpia<(sV?Sq>aWhTD!#*ixNW%i4-RwNU;S^Qn_x8dR"
    "LG&uzA#Qf+PUlf)MEjX3oWc%`pMJ@-s2q%vGn11qv*{wEe{NYs+8?$GI`{Ns3cr=5y56l63#|3(}s`0g_jvq}5*hcS!oy_YcNvkjQi3B"
    "u+a}Q`8hfE`~>hgO%YS`O*!y4JaU@g?P7?fXC24)C<i9-NSPXo+k00lJ95c_e{(8$1U>%^wIW5+8%AUKHhJB8hx~z(ZD}IPuuTV{{F!7"
    "pJD<#Pw*!^0{$g4Un_eUzL^VK8BsF}#Gh~l_&rwu%MFa~u5Q$+>1VzHmL>*;@oT((Lk$C#NlDkNIJlWG#6znBztl)z&KGoJ#EnHu1N8*"
    "Gn|60p)>SbU{Y4opWXXe1C*VNZ5i<q%DrxtD7wJdZuc#;Be&zVS^x%D|pMqm0R)-5AE(A$cm8QtRywRl~{OTbSTgS{f*mxdYDenqr`!3"
    "@z5k*Waujs%PHt!#xyOI^5iTQ2D-=IVIC)?O(z6$`f900pAkq}60)uw<@Jc8q1s|F`4)#)e@Mc`OL`73#+Wmz%iTyx~KmYC~T65t?rC7"
    "s=!=_~{^6HpRNBvHc{w-vz`<}m6fGKE^8UtLKRcJazh0szE<5{t~p_6i*~I2l37NLrd@qoO~C5(xc33jKE7Q&1|^0Z~XY*gh!myiF2JG"
    "SPB?>m`}A>Roh<0tV@mxv^V2(~F~}S5J#<c#@uLs)bjQ{!LPC^jcAWH@YGA;48@fzKVY0zRFiS)g%iljVObZLMBTq2WqxN$qtx^7YQYq"
    "Kn?bVg3k1`Fr``G1CjRrbb#M%t!$)QD?g>&E!S<EyC-gz(f1O|vLkOx+nB8mV5_wMWC81GfTs-|o<&_Z<{5%wXGGJI)N3j`{(p2lBJ-d"
    "3LMm^}M|1zeL5#m}z+!fk;-$kA4NR-#uO6QG=gvj=cpU4c6A{to9M3Bp3-1p>`+rLa{xHtYAo`BsTid4_%paz0WWRaHe2A87fV}-PVed"
    "bRZcjqj)cjM4VUOcD5mrtzOl{J1?Ifx!5#QwHxbHzcx9MX{mkQqSTG%fy2TJ*VGYn#khgM>ZmjCX^XvrTIK9eemlOBzRh5)EWJ{k8c^e"
    "~O=D?b&9Bpqr7=`jgSR_KP#Zi%RcbQtxYh^_s6q-zXv?T4OfwWyQ5C{zsUaAib23&9|QtLjw1Wr&qb10qMG9D4zc5WhGTvXEefYzF&52"
    "&LOU9gt8`jd6zVNPGaqEiQLutW&P|2?wzh9wG<)jOTssY1fBg!_k8cUeBcyERW{mM-!-#mzAA1h<<qI!+Rzk`G#L8$T7Np;HY;Z&j?}N"
    "LW9wHuj=doi4r;Z?+L-IkW7Yu#99B7etI-7C6RF*c;%0{;$QH%pK`9N&5`^+JKE>|^+Shx`O%d325QA3VVe94{pQcdUEWjo_27<`fS<%"
    "DPPt}DaX;ywE!|&s&~j(>rV@82637mkj)(qK6~}a}@|Wl-lK~o(4`L)dPe6R51cFE+sJhwIFZ;4TmIO3)z|!Zc2LcYgtVkh>lB%6}EUQ"
    "FA4inGi%g#qS690|<zauWcsWYoClamf9s0kS-nrE3?aJT1Pu&L|Ev4k(`c!Ww1N9j49*o2YjHgzw0wvIZuzV|t7D0QDt++EDM)2h2`^m"
    "_d{|5r!*GIUKizUP=%EAAxf(fTQu)p3thmjn+5KScy_ppxWIcrC=>{byYlqJjmG(k8-T4)==GZ8QRL(t+@@?;wlL0u2&}JgHYJ?*?@6I"
    "|)Z0@h8wLR0n&XzJ+7{gr7F%qZO~VxtQnFObLWN7!Zd)dS>`?-6sb~JU`RYq?NdECZ$=+R9cFGe8L}a!v611SoD&R362=#D|#Vlm&-Z5"
    "mkjcM!UV54fNVGhAX~aut2-Lo(ZV*{nkOhR^TEJYQ&KHyY8WE7g7I8cZ_GuAV_t06x9a-e!z>Ok=OgC2UN4mme#gkKY0AW^8~eQ1VZba"
    "7Fzk?L=dMDea59#048yzMUcQqTA=j7k+__>H82OBqz>@>Kn818Go@CcsSO%SaHJA67(!r&Q{AGxEUFK~{I=QtOdYqINvl4o}45y7l%dx"
    "bWm9!;ABHyg%k1zH7@ui+WW_CY0bv!FC_R7+p$A;g<(@y#of?JL!i7#nmzSG0{+JcB1+g#s$MxR$OBzYyND6mDvH3&I|5TL~X;kBH!;i"
    "V(=7FNc4J@+_U(D#8~-jiG2Q|#ol)JB3hz~LPq_>vF&-O2Bgk&zF!_dI3)`TAPE<O8G0Tw3#SG?@ep(q7=F9QHRMky0OdLTo-|ANvQ_3"
    "iK(XX^Bbu6b?@XdYTp&^CHIjkL#;^E6-n_X?7bZSb;?Z(Dr(He<O)}&^3eK@&VWO$8Ji&v+`oEe6Hm{LlInz;H1Hno(^z}Be?MF-VE%c"
    "7Kf<t;I(qtwX=`AJBJmF2+0np@eutb1SGDhCEYm;3X)VO2?8gq>?nK8%~D0ejreQt^aM@7L@6{9+el)7zE;gpukd05vkhq{TtJ)L{!>t"
    "{%H2?bzqSvq(D&<$2P6l%U$I|?VV_-)MdZ*(B<_%7K({iDx8cOWRXlJoTqNATQW#4zzFP+JqfC>+*CD8XtHJ#E#=D!PO!M96&-}?vJLE"
    "#CAy=G?XGmTnT~Qz7Wlj-+v+`oEe9kg<r_@d#m?9SY2t2Z+JXk_=Ro{<U<}3$dSeA8-y+E07Z^k2)gdBYf1kI0mQ}o&-2oC|NA})7TI`"
    "Eshr{rJ~n%xgE2w@xU|5%0zd<ES;JBkvPpW@$D2TcPiHkEM1<dbF??t+mdr1tBepnO#Y<!cpAhthu$Hoh5dB&4s69_ft$rFz&hF>xdEG"
    "Z4;mSNLCO6uO218gW>)6$Cq#aQdLveo#FAa~1BK+Tx9Q8{NX>T71aa0cLT4IhVWBa`5rP-KVQ$d2w@l{Vw_R`TpJA?U(C|`%hm!CpTZN"
    "-YsYKw-;AepFV#GH7aL7OY`fZFW%goocB7wou9hld4QXrwL56A$d2Lu;Gtu0Ki_|7ye+hUL)3fMij|l^h3Da>>1D_1SC1b%z3TYV4Z)w"
    "dHi!<Lt?2QSOXA_C-2Q#IfBluMpS+7T`<mg*;Ben(P?oYmS;_`wiC=Q+uFr|PBV^jupc75W;wW~$#z&f*XUDPg2iHNl8jp6ZIrcSw<6-"
    "~#L4SZe4+OBshZTcU5G$7zFgwZbNo4l9Uwc&2HiMG3iAowz`X4;Jk4k!y)v*c~N4dpUowyD_bx*;AGxDzGdA82Q<ITmHHk=-8redSVc>"
    ">Xg^PO`tDX6{B%op_~JUaKA#tA5z$Y=pt4AA+hlfi%G1n=TRlk@2z-@_(-HF;HEO*-wPnpAT2N`?z%bW~~*YBh<CY7NgCNFY)xr?GXx6"
    "jYW@p*d%>x>ILPBju`}kq(U-th|Al+}P~cnN2-@`7<XUCnp|*zbz!M>0)c45T-fBV7H@Jn?9}K^p`Xh*I||fzl|1PzbE==H_lY7oN!mb"
    "5R$G2Ult3Z`y`Q252k8#RH@eEqt@d`t;a{LCpb}j-^fK4{SbBTjLJ{9I$y-9@hryiLlaY+5LTReZ4q54QSFF8GHfUVrc#w-)FG(AyczW"
    "X{uK}23le2U{zMA@D9Ue)7~3KZ&Qr^1YOu&nmNTr!OOB5=m&-}vOjRrf&rUowEN6lZ=4DfBq%=CM=qnmxBk`eUyUl~hK+{l)m3oq4{1&"
    "w*-kAF&lRq_}R~C81J=`pkg9ek3y=ZZspH^_S9Pd8njFaa@*1BrEa^3VAQI1jBzHAcNW3hT}%K+>%wnPoyh0thVRE9Cb)g^-3E?gYr*|"
    "9-sWXbmrVWbklWH64Q5N(e|XRt-;y@o*;;mDHs8Cn_!uf^D2OT+8DnSg_vd^lS__nwFG59RP}d#xfCjJ;pOD~Tuip4S~dyZ8O-$^U~U2"
    "c3jT9m4^`tPiM{Uva$mNdO=b@A-6f{cJs_&U7<bPWA0-)JV>hske0SGP3VL;9zB2tl!YozbMxF7jX`cap)faC@E=0w&>k{IUpg&7~=T^"
    "y+gg;FaZJkm_uu*d+#WXI8iEA8Ib0Wy%$-Ls6jFTV@0@|qwz%vF2<()wB-<UJQX?A8!V@9-v~^f{wC~%^x?`w3}=PY^xr43h7ez1e8q)"
    "uLozzC<6%IV2z95koA7rl<k@&k%cbHjcJeKJV^|&edk}BT#qz@yU9*`hI!hpY|Aid27q4w8$?uY4N4b9c{=?GT^z>Os?U(SEC0cVQ<-4"
    "0D|9XVEla&20MPf=Ng9{K^!=IxFwCyD%B6JqUN3HIS(Ic{b_0-zNjOJrP2{<Wp%O4M2uqzFLZ=C41=9^7dPZ_h;ZOylB6O=cNckwUG$N"
    "_TK6gH(^UQEv0M~Rf^k<EC=Q<-M_t&yW`{|9MkN_G"
)
