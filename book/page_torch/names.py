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
    "c-pmG-FDkJlD^-kz!S{r$UVKixpN%nXU9prw$pufZ*XW5lGx^72vWB4^!t5P00~NRlAh@~wtzwb1VErrC{z_Vw0*vPY0iIpYtHlBRj$v"
    "5w!iHAwm0XSP470@P`1t8zH{chDl`B3-kdjkP4}CzcFiyWx1Gz)`D0cNlK<*W)n>zsUv5!jwwcp+uJNe;m22{Co%IhFZL=;nbNceh<s)"
    "0Y9kRijS5=!om{)CEO%(x-l@OH1#`W6uugiQeul9qRiUJNrFR}_XWT@*R>-<<bbFt0(SdefmSY_Tzr5A0%pzg{_hT(Hl4wA0i;1+MK$f"
    "wuscwbG82c*3A0WMVE<UMNo&=%;<GpJW%Srx7~ubt~I+HU{B)$Lt|R)F!YFSDxrn(1gs3#egmPXlsyW$r%R{~`5qU;^Oz@Ezy<&Di98@"
    "+9(hyw5oh%<Qru-~PkxQ~1`Qjm7I~Dh%RfGuG0e(9(_T+I}#XJCe)gQ(ldQOX_+%W_@9%dB3i*#=OaftWrXJQ&#R`>o9YRp_D{uPGPn;"
    "^*`UbIzw_8dlw=p@YXd-<>qal6}Nc?q8G4a=KyqD4YfaQPcn4oT~@7Q%Y;M2?>}K0^1kd?;rj+O*t<g7dEZPu1sIDrL(FvjI?J_7|NZ_"
    "BgW@`wjH}XXnX3|XELAHtm@6!Vve{g<n+>|G(W}fequIo^2#3b>F<BEINy#7EM%(+?wq2;@<5=IjUa+4!9T&Vsiv&B9>Eik{4xiQ}yne"
    "4Ua((muxAVJ8`|0}DTxWe&gJgB_UGG71E)d)GUP%h`cjGcraf121$NTl>e=rnhtJr&{ew`AZky<_dyh#82v|6O6(l<A5Ev?>u{$O<6WF"
    "@EYMDdD~9?#(WArQul0&yN-531m7CE!8f4{q4Dg;~sEnz#)M*u@8Q@D_>dzQx20dvp7Z)qcCh`idhVi9iFlsN9f(%RIIpOKB_wbUXAet"
    "3wod22!9l1@|>MZHyyMRviJ%Lx?2n?tiZ@?Zvyxi+{ZT_}1KI8xwk?k(Sx^?YP-?<1jIPbJu5iNmAy5yBoW}6sMqwegAxWY2RLbdUbwf"
    "UtfX-nZCKZdL5C!zrTBDuin49`*d^h&VX%)E$nkMEULk)|CUvwGugf8&oXGM5zS}wb_lrj5?Beh8X{3-SSCAXv)#sa7?>BujH|P!87IH"
    "{x@MFY<xb*ytQae{-f75M3p82$(Uut1Y`rcUXE%LW*v-VbGH%5-$94d);xDgSyi8Vg+sqcAn06eNDb$M|At)OOG|`!?*?=gr1~s(?OS!"
    "?gWPL7gERhZIHpYVRtVW`k+{RcCL)L_772=5A#+V3a3$hOM2aBi7ZB}hs@P%#dt!ua^Vc`0W^c9h`x$)de5I=4mI6KC{gHQ{WoIsnxI!"
    "trg=h;Bc1Js~onfa{mGZtbC`cC>r;eF(7^j-8#^gY5`43*3LU^&qNT+QGaK<pwp;0eG>W0$A!U>k?`ZZ>mP*__JSV1F_RmEA**aZTX?C"
    "|%uWJsKPa`&c$b`-n8QR@=0Foq(2)Jz}r5AnkfMnS<?X%w3vwR2DKJh92Wd@$4Bq`Y~)V^kcIubM(;I6<F;NpR0Iuwldh2ns%(J(%i3A"
    "ZZ!90g|(3N0Gh1d+q`c*>0|(f@3q0I-IS~cqsXQSv^BUU044@6)gXHMRbuQe5@T19Sg?<!$C7S}39j6Fuzp*vhY8iRGu-wQ*q58_VbLe"
    "%R~X+Kq!XuyLai-Iutu3ZGS~aQ%?hCbzs)-56NJ*~0@IrN5i~H6zu!Yf1gUtFqXnU~9OU49iDcJf0|LbxtlbLKRX{2XtOJaQMGKMJOzz"
    "4`0*kO3B>*UcZ}M%1RZ(XHc@`4Ynqkwp3Y~@M&F3}kZ6zH@Q(Of3wym6h*iQiZvU9z6GXk7<CrPj}`=z5?;cW|UTH_^I!`M6+2&Ld!65"
    "0@vJxtJq#8RFhL3)odmAH#rYK}G9+iC6P8H7e4%T5A51(C@d4;;3Lx*^R%CI!io9=R!dCU97AF)qR~czSyA!e;kn#P=o;dW>JJel;`g2"
    "k4id0W~sr5`iNQtQwSw;13CGx83^^LhLeSnMD7<M!Kx9`ovIf#&+~}jdiD$?p{d7Zl%$gMs~Q*1AzU&cbJYB#Q|b<hzQSe^Q3gdaq{Jc"
    "K;P%B1HH5y9?za(FVT$zA$K<i8MG+C>#%;kk64d+uQKcg9Pp70v27qJwMgwu-eHb9P-!nu^zGxp6b*T(j5|J}vB(%SjXk}kYF@%N6|s1"
    "yLyQIU1;gZGIm&tlJ&jk$lV13Y^Bwz8dQ0J>8|0LikG0S@B2x5N>w+F@KeCTlkC})YsJL@q+p;i)TW4c6B=1(Z&59dHh%JCGBWQ!X1N$"
    "$3p!^Wo7|S>oa*Q;>sTk;73Ajef0`QzL0pYQjikodwuGa`Q8Q#VS-(k>~_mH)U8J0yv`3OI3)}{cP4g4ueHIqD3cyP|bcNJKBp=+_=WE"
    "=dI8~hp$(L`G_gjr5gy_1aym=2^Sp{>dX7eH`|S~{u8IB+o?g%1^1tZdZoi{SuQ24_6}EQ4GE0m1o<d+PXGNnjaDfNe)d5ODoML&>1f<"
    "Mz(1vj;bIf}OLG5i4DvD4@H?lz+c*b!~Mkwd?N1FZR)K+j>3+@YxDP2|^P-cTf^?>aVBkNOHbY$JF6vJsoD%3IvYTmrv5GMdmagp@dnx"
    "jAwnjl!Z@X?SwuoHW$D~zAhnSGeENB;dsqv&>6!efYC*aErUVTOEeZn_suA}NDR&{@z2(+>KE(AJ_Q6Ay~Mv-_j7%=ZkDO>>y-X`y-ML"
    "l-mmpfNNW;e;-h0%+BSqXL}6X6$y3(kDC-*R1UrHw2SEH_);NVpfM<G=>AG+4T~lJ`5XOjPZHtPduke~Xo<I%Q(_X-P(Z`wf$e}}^D{7"
    "6yvjnPKP!O_@2jn@0?T#ywf^Lh`*i6dE=e(fYlTk6#Z1RFXYj9xMxGz{~)MsqmknHE(Xq6=_&?iuv(<RH(=%*@6(2?H;R=GeWh0<eA;q"
    "J!`-nNLD$&&<`#j`pw99@w5u+@|jQV_);-MPH<Tu#iy@N>ywkL>KQ#gyWJ5b<fc#~6D#WN)hW-fW`sYl9+W)*-ga#1>mrn&2^Kkv?O(9"
    "Xq9yO+WHyAxNT<!HCqj&A5+kq8v=tHN$=3w|xmAZ<|qY6bd6)KU5M!YHJ|;5%itQvE>PV8_#iDm+deb7}YJ>IFc*282ns9o~P;=!ts2|"
    "&19>a2_i|zma-l1&34~mA1Z&szcpbG(<nEkaD=kPmQvQ_(zfj5^c^CsERwJ^G_xx24PM_pQI-gh@P7q`^(feZJx!1eU^uO5!sDctOQBf"
    "~Lhty)Nx4z7V&QU05=4~TtDR#P8g{Oc0cH##GIu(oR7l|WLV{lyt{9w2AmGmo{?0(Mf06WmGWeAN`rEN`75pja;CPl*ILcAIYa5(b;;}"
    "!;Oi>F_{d5l2>?!;yT=`5{F7N~&g>?ZTcq4vRZGl5{W7}rg?Nru5QWi1EvJ)K-FkFJ^1Jjf(5;A{jvBqsA3W6~}EJaGrU*$mx;9AfJja"
    "ND8JOJ&+>H#C3?J~&O6tT+C{j7S-_C9GywM(U6lT-*`<6r>V@|ZM+ZllSr4S3KNNY@Y8K>x@#8`Sd$*49IYBXJ*>{6obJ$vpI6U=PD~C"
    "%U*Q+oOaK96;{MRbKOFO;vC|k`M_Lb(<{T+vBqhxDm=ZEP4ikkyW~KvE=%!-y_Brv|;4IX;2x?)(Gyq9LQFFFMiU{O4Mm6iIoHbYT(=T"
    "z)ck}R<d+6LQ+;G_JF6*O;rU?YE(2tm|BGhV~!&D6kyF9q`}zd%~UHy+{zEN1j=*)`7frzV<Y~<`5M632y3mgW{k_e&U#Fs#p&c>;+J*"
    "iA0&&BvZ4S-sXiu^@zmU;f{q}FYwTG7RU`=swqrP4iI#K*_0$~r*o0rrMa~2)YsmMt1O3$w2M$IwQA8T3U5`D0JFxOyfv}XtW?4JG<=$"
    "l|192ToT_tyz^bi;@=_&9SH6H^{<UNO<4}vi>o>)V=zzJ|G3ZxUQ_YJ^@N{+LKN@$LgW-T66R1mi(b)SmcK4zz5y~LbNn4Z;ejT-EdvZ"
    "K^3*aB!2;+w;?cmawMxgB89*Vfo!j1b01Rh25`1n#PR0Qwfw?RiwIclZy>mHdSp!_acmN<d3kre9*A06=;m0CNEB<$=BjtI<d|#YT_J$"
    "vg+lp-wBH<LMwI6B#F95|$M(3Zn*aX#6Y#$(aD6JU4{KJ<6ap?rF%@TvnLerq!clWbGjqv8~LFRxjFFF&tWsHq#hYFp<FUno$*8S{i(!"
    "GA$aFKn3y^6C@fo)ApM$J;ItHkRv;SY3zBt^@a?C8%URxy$~h0G)e}*U@wP^69BJvS4}LIT$g7c@JCttou~j#oL-Mnx?4tl;G%%vqh|1"
    "v+#DZs6U?F*&+;)=YUoP*2a%*JpOWd<)YwdE9QVjv4EAmBv8Y098y;}DcDuI9dWL%?Uhal6>)?K-6JCI@qv7L#=CRxEO6-F=R6T9`ppn"
    "4JMCXHGExN-9V4to?(qoZrXs`x^sRS{8-Gl9jn8&;qD?U-TgU$y!2~z&DR2`81mMBld_#skAP=prdND;&{)_hS(@QVn1prkKC4k#2CWj"
    "L;@3gDC)!<<lEoWj{+-()rBbXEW)>v=}<6tYO^);ObN&s-)CizJ)WF>-YZd6pu{Fgf*y)e<izq=@$=7Dv&tJEd5@6`*lKfL{$*!m0pE3"
    "9&VNKmuLQgg6f&o{^1)GXkwJ;z}@T_3N`8hF`=so+?S23lNQwe&tON))`M7y;1cUq7H{fJ${1efaF2Lv|}*l)Zx&UfL<8{F_cPFu8s*Z"
    "O~5=s%K^G~IQ%z(diy%)A>y!_<@m-?HOt}cTM35$`U&C4L1Tyx9BPh<(4$|kwTBn>U$Biy$OKM>UTwFY@5-f+P2?KIqY%r{F2do&=E0Z"
    "qEw@JO03v~Tw-K}7R6t}ZjkIS0o@!_BymW5i2!zydbawI!y~yJ5<WH+ij?gE|pD25>+~#z><@4y1)y$fgBXnB+KqcdkR5B?h@RJ1pjH<"
    "?eOaG#oqu=6*un`lrIN14TbTs}zN5gd2qg30eM%*uyHcTbwG~+jDo<1K22fmsnfDl_FCKv|n4kDUCd3X~WH-cOO0k=kt-M*p%N(oNDxH"
    "oEQqP}p9q245(ee{4K@}92m5ZQa5C*ZV9A|?e7GI{g{E1+`lFr!Vt!_2w8{HVR$r{J84ndB&m3P{2*2m;E9gv`qyA!0EO1bKwA2oHYVy"
    "AVmzxvwt9;Td#8d5G{EKNS2~k!j`N9FOhM$RKQIyvNyrtO3HU-xd5#a+QC~y6lOa1OS;3z`nL(3+yvJ-?6%593>6a8!%Iq*8-7?&l%iX"
    "Bpx&^v(A__g_s9e#ySuL*vWlOgNz5M4knE1kYOKU03yc8RpeKCS%`auuy1v)2(uF<Ihh<y&@?mz7YX`6VE{U#E6Dn6?GpQ!Vx{1g@6%S"
    "r451AQCOA_Boi<h-1F&ZeEy<rtoWt(Sd~lnf@Jf>fj?h<xIFW2d?hCpwfT$#xj<!h9m(+&Sw}_CyjS?iKMi&+LfU#&LM90ChAOtz1J0n"
    "7QM~QGS;5Z5U7)5C}s@6_K3klCO)Wpvc{#`;X^oyeY)2Qe%f_Y%u)JWfWY@z`K5Qj2g%k^GG|B6yR(jfW}3EhdG=Z+|mIjpEJk&<asGk"
    "-|vgr|vgB?2Fo)dYnu_~#vq4BD=|5nWSQySq#znO!D7U4J{$SDg7>=^kx1D*_MFp_YIY2`Wt_*$UO5)SbTCPM1ENrVV*IX3iV+Y<k>M^"
    "Ix@XXH;G0%@dgJUPEi1y3vT}Euq&?1ib$cy8WAa+r2dJ%-tymw*c60xVMShnoWGy5ZQ$f8)BO}voW@bSDO|;a&9YnJG;0oJlKw%)Mf{@"
    "u7gDL@9|Ds*>Ab2{fi!GiN~3bZq+~NYqqkdT+X8UCUO4?bCbADMaZTeRFhxSv6mAM5#Mrono;(o8x-{pr+lJleEgPwRD!chr>PmXr`)9"
    "I1GT3|Og83Q5Ju|ZbkeP9@?}!@rT))2CH+gjM@J4tJX_}r&!Qi7>9GZ9z;;8Qc=U+3jZJ-S6tLg(zB%@)Ipt9kooAkLL}6?bj}%YU9D8"
    "Y|uAXo}X+(!qf7cb|&$^#H<8UG|>SK##4Vo;ZjQF95w~3uxP9(Am*OTC6qTVI+EveK+Q{*D?_OL(T@gb4@hUZ6g0LlEZ`$vQJXr!AQ5v"
    "s~gFa2jd5@!E^2-|Nt3nU49<T_Au_K$o9P8#VMwW^A<2R8d?0w<NonJJjg39g$X%k+_nI!Rd?n>XMk!Qh-)l~0+9BV>;a#K9gc=3fczN"
    "h`3Ot-%`GU=S9$=Fq$=Tk4UeSC{aS)mLZxM=ijbuqW-olVx`}VTr}M7vrY#rRR*E3CCe7JVfU3BR0;ZO;aDPTt-_Vm}e=KfH*W3Q-eUA"
    "G$!_g#Nw%{^QG;x;~NTccG5aBi8|Rg2!S#}f!R!|r`8FQv*KhaCG=EDH=d;XC(NQhXc0y6S_0|Uk^S>KMo$~<o4sJ7m2+Y1oIpF-Jp--"
    "&dE2JyGyXz5r-&M-jGiJxoUnkBCmmWt18k2?qf3iuFo7~JF@x6cOnqk{iQ`2P+EZpuU3|~jJcB;(*arG-^XJoP%VlbXoUCf%Ga_c`W6R"
    "o+Rn30Ov_`o(HL68`HniIP<@Pm-W!^MmltQ5AP&J3y@0i4NXQfe$KdVle6EsQM#E5el0WoS32+W<Jo{18hT7>L(ZE7U-#E2Fl8%${G<h"
    "HPvsj+Mv$d{XbHZ##@UTo5dg(<NO1;`$li7<?lt%!CXFau%u|1O)&2{X+}J40LBA2Jd^=qxx<yi(SK3wn<FwrwBg6kd3sm$UjWtJ`cWL"
    "Win8ch6ZH0%T{ygSzjk0pg?`;>%d}PMvI)DVrK87*q68BSo}T%r=XE+K@3&%N80Z9DDM8i^S6EaA;OIX<rcO;?UTzNZJG2!fa1q8`Kx`"
    "<e<YMn`EG2`&}io{b3!m=o9}{?XsL70!S_#;W%^4q<B_~IeekxO%=O8ti4S&x5c5VR$|+(*WOL&U|kUA6}7lFRplyRRjEr;KpT{<RPd%"
    "sT>>^y?*_m|Eh{ywe^R>|)vBrn6-_9QX9R*A28i!FE8*Eam6aw)l>BKbDJ9zaB(*4+OG!}`s_OMwHS4!js)^q8P+{t(v&)h8R06K;NxQ"
    "k!Xo@mZ*vq%Hn16-d5}@2oom}-)L8(ef(M6Wn5`$XN>{?#?z<dQYqH3Z}s|SNNuxVbJ^WZCVzS~@@J^KK&I>MaIn5%Ykt84Lhyvr5U1T"
    "pJF_H<BTz^slitdLIluY*%f(wDgpQ`@gDE~O#F+9>b$DTdbmkC+=gIl-$0=F{=Upne|0pt8^A;_gB!xX=yqHaK@&lzmRhy3PvJn50&V6"
    "l%Q)SF1wFIkj4(v?LimTh_}~7kb(1LN8k}x=XHDEz+xlw3O$?sLSZptZyN>+xf241@$+VdMQ#%5b+`Fu5Lb}&ez$H@ydQxVIPlk5Mp#8"
    "K&uHtvmCUk(HVM$6Yd+mFR_@=H(>?6;re+)wkFR0GeI2T(8gOf@|M3F`CZUv|27*vFEM_+x{^0}OUEltt$8<}>IDp2lE9Cp-wGs*?j1e"
    "BmqYe$ym!4o?+a>GFlg_CpL3w6G`U(P(bs=my)Jk1{M8GMt^)-tu!;c6Ufte(kU(DOihg490$17BeM-TL^y(mers+UK5nRn+QXr+LBi!"
    "l)E<AfM0*9#8F)BQGr7P^pWe@ushZ&3riH@l882u?2xvwZc-Z*p$yj2GY3@6O&%zMm-TV)9!#AtS-9;*QpxzJ2(Gl>EE+;mgE!m9*k8P"
    "ZPpP(t$g3<c#|4<C4*y2|cdrR{6O6Ox@g%s5PMT~?fPiHNsGB<>KSL)S8l*TK{7b#%0wKD2T8$&Hwj{$0~&E%G!;e4hN*uGL*Fws`a5R"
    ")+cJ<46AFOAv^KQbVjb>CY7Wf^bdAk)LW27Pv^S4$@~#W0T6W^nnzyIz-@+Tk?Zj$m**0G`A(wff#P<w#8nci|=5>Bb9_0bqfS}lyO&$"
    "S|l(J0V%%T?wfpCZ|07igFz^EH<^uP*-#?DG$inA9D0hAC|U9;{<1kL8c?yQ*o2c;T41;fMv{=+&y&dVSw)u5O}NlO1z6bl7Py&^K6iR"
    "`Cj#W^Vavq8&B%{HIL}?-{~%H590q8{@k<92RnzISjV@bj@OvI0XtUb*^a7Y1gxEFeBr((;=Wx|~(B(AjQr*<wFF4>u55oJ|o6r?%)SV"
    "=qzs*g&G_Rt;h-?BQ_u>e%I>MaE=c4p8OZwHIoA<Bn?fHl6t4sU-<K5-W^{1=zyZ4_y+7F*zU*0bAug_n<e*f`p$cbOlG5plf^g)%!^6"
    "S_5d6VVWQo<)GzV&I5#MAo-clO*TNRDtzFZ-hctKt;yI}e>|{p|3e`Tq6c2TQzny`0^t@T047`pt{<t>>3bKXmb}??e2+M<Y<7!vU!XA"
    "EsJ-2I25y2Y>zD`5(Lqzj&wV&HycK@e>CJ7p2jBF$s0WB-HWU<kg<LApOieT5_26B*3NAauU0o`V&RYiqqKTgPR};&YspAzQBe*H5pCU"
    "5SLdF0n#lOAU||fP3mjRXHnr;E)G7CTP%%5vsk&E#L8_HD<fd#HsVn=hbTLe_)cZud{<_8$!D%CQdCtiy)SrhDbMxvJ0D!UPgT9pN79>"
    "A6wlOMb_T5p3nttOSrS(z`n)~}WTBd+1t1Pk)x|{`pw$GOJ$JWA?h5@gmw#5z6gf-p2OSp~o203+Nh%$q^jC9=Yq~l}7b&Y*3Tt-S*XS"
    "lEju)Dl`fUlOq73*Pngh4Ud+ydrq;XY7Qw`K~ytHAr?SS2|ICTp{FI0T{`ohs|g-OLK!7r1xm3rqfFUe4cJ&iI8zw6X3TJ*_<4a%@2F="
    "Z9)V70zs9><uOEYN@<lsGm|x<;Zz?6Z-&kA`zr6so}Iqrm59fzL;QFDRe<*vTDTeaA^P7D^B6vsKJG={cxgf~URsQk+m@oGdL76--eCi"
    "-4WBu?f?t_%%6*&2kP!r<b#=!cPYBQnW~T@?pyO;WY>vztQ0(tMZ_6&*;Swv=#H$VoXuelrN!`4^H4`d2Lg!Z3oZhWpd6A+Oos6)#X0j"
    "Ptu3v7Lvi>Z(H@@m_d8sKRgXI6?gIZ*x1y_<UjY6?aILTQ0*dRV=_LyOa@=NS!eb)J^H;gceW5`Q+2VYmOWhZ7O%9##YzNjeu@dJ4AkZ"
    "L6^xQzM`cy?u9-g()Q##`6P--Py0ap9fZE)Sz9dhO5Y$i~d^ZB~p~FPDMNUx5g$w<39iQZ7ru=vxdMf@9G`!QKsO3SEG+G9UTg-_x2o^"
    "TJhNh;@YciJC)YP0e2{@U0rmKca3sC6)ln(E9P%2`<sSb1aQHf{jUgjM?d+`2hjrvZJqe{Y{&L*vC)F;%pn>bzj!aC&-X4fy~Gd0ebWI"
    "9!cua;AB@m5v$q!4D^fxz_+^h;`G&Z~`n-1FEePQO#d^PKWR{REZxiHXlvbi&fl?rgRUK)^o65SQA~JMv5plx_xeKH-nGS4Cy@keGlmB"
    "V1cnL%vw>W6?1!IT`k!v%u?x-sdkP3rzFRHtg=yy30c}-iE7vUlQ9?ut(9*=Yo04&K8R3n=b>QW)oHuKIJCQM!#d1tFy7Z3tJ4cBR4Z&"
    "n)BPYuc<{ZTs33_!uy}gy+2W~*Ao0LA$Gv4S8v|lnhzt@OOpF3d_}D{H<G^jaLbRNnHvdN|E+LZ$xP1YRWBDhNp3xDO;(+!X>|fyn?BA"
    "KsNai`O(-$E0jqjx^bXC~h>QMQyCsiI(iC)N2QXHp4l!FNvcLHw%h!(uqu%YzAG<Edt!l01CmiJ(o9n79=eeayZUjc2W%aH_{2+%etKA"
    "=+IA#Aoer@FR"
)
